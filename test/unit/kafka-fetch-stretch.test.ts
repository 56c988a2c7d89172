import { expect, test } from "bun:test";
import { stretchOf } from "../../src/adapters/kafka/fetch-stretch.ts";

const KIB = 1024;

test("up to 20 KiB a millisecond nothing is stretched", () => {
  expect(stretchOf(0, 5)).toBe(1);
  expect(stretchOf(100 * KIB, 5)).toBe(1);
});

test("beyond that it rises with the square of the rate, to four times", () => {
  expect(stretchOf(150 * KIB, 5)).toBe(2.25);
  expect(stretchOf(200 * KIB, 5)).toBe(4);
  expect(stretchOf(2_000 * KIB, 5)).toBe(4);
});

test("what went in less than a millisecond, or after a long rest, has a rate as well", () => {
  expect(stretchOf(30 * KIB, 0)).toBe(2.25);
  expect(stretchOf(30 * KIB, Number.POSITIVE_INFINITY)).toBe(1);
});
