import { expect, test } from "bun:test";
import {
  countOf,
  difference,
  quantile,
  together,
} from "../../../gateway/web/browser/ops/quantile.ts";

const bounds = [0.001, 0.01, 0.1];
const of = (...counts: number[]) => ({ bounds, counts, sum: 1 });

test("a quantile lies within its bound as if values were spread evenly", () => {
  expect(quantile(of(0, 100, 0, 0), 0.5)).toBeCloseTo(0.0055);
  expect(quantile(of(100, 0, 0, 0), 0.5)).toBeCloseTo(0.0005);
  expect(quantile(of(50, 0, 50, 0), 0.5)).toBeCloseTo(0.001);
  expect(quantile(of(50, 0, 50, 0), 0.99)).toBeCloseTo(0.0982);
});

test("beyond the last bound it is that bound, and of nothing there is none", () => {
  expect(quantile(of(0, 0, 0, 7), 0.5)).toBe(0.1);
  expect(quantile(of(0, 0, 0, 0), 0.5)).toBeUndefined();
});

test("a difference is what came in between, and none between other bounds", () => {
  expect(difference(of(3, 5, 0, 1), of(1, 5, 0, 0))?.counts).toEqual([2, 0, 0, 1]);
  expect(difference(of(1, 2), of(1, 2, 3))).toBeUndefined();
});

test("distributions of several processes are added up", () => {
  const all = together([of(1, 0, 0, 0), of(0, 2, 0, 3)]);
  expect(all?.counts).toEqual([1, 2, 0, 3]);
  expect(all && countOf(all)).toBe(6);
  expect(together([])).toBeUndefined();
});
