import { expect, test } from "bun:test";
import { backoffMs } from "../../../src/policy/backoff.ts";

const backoff = { firstMs: 100, maxMs: 5_000 };

test("the bound doubles with each try until the maximum", () => {
  const bounds = [0, 1, 2, 3, 4, 5, 6, 7].map((attempt) => backoffMs(attempt, 1, backoff));
  expect(bounds).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test("the delay is spread over everything below the bound", () => {
  expect(backoffMs(2, 0, backoff)).toBe(0);
  expect(backoffMs(2, 0.25, backoff)).toBe(100);
  expect(backoffMs(2, 0.999, backoff)).toBeLessThan(400);
});

test("a try far beyond any count still gives a delay within the maximum", () => {
  expect(backoffMs(1e9, 0.5, backoff)).toBe(2_500);
  expect(backoffMs(1e9, 0.5, { firstMs: 0, maxMs: 5_000 })).toBe(0);
  expect(backoffMs(-1, 1, backoff)).toBe(100);
});
