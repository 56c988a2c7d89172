import { expect, test } from "bun:test";
import fc from "fast-check";
import { Histogram } from "../../../load/native/histogram.ts";

test("is exact below 256 µs", () => {
  const histogram = new Histogram();
  for (let us = 1; us <= 200; us++) histogram.record(us / 1000);
  expect(histogram.quantileMs(0.5)).toBe(0.1);
  expect(histogram.quantileMs(0.99)).toBe(0.198);
  expect(histogram.quantileMs(1)).toBe(0.2);
});

test("stays within one percent of the true quantile for any values", () => {
  const values = fc.array(fc.integer({ min: 0, max: 100_000_000 }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (micros, q) => {
      const histogram = new Histogram();
      for (const us of micros) histogram.record(us / 1000);
      const sorted = micros.toSorted((a, b) => a - b);
      const wanted = (sorted[Math.ceil(q * sorted.length) - 1] ?? 0) / 1000;
      const found = histogram.quantileMs(q);
      expect(found).toBeGreaterThanOrEqual(wanted);
      expect(found).toBeLessThanOrEqual(wanted * 1.01 + 0.001);
    }),
  );
});

test("is 0 when nothing was recorded", () => {
  expect(new Histogram().quantileMs(0.99)).toBe(0);
});
