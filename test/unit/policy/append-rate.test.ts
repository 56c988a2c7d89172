import { expect, test } from "bun:test";
import { AppendRate } from "../../../src/policy/append-rate.ts";

/** Lets appends of `chars` land every 10 ms. @returns the time behind the last one */
function land(rate: AppendRate, from: number, ms: number, chars: number): number {
  for (let now = from; now < from + ms; now += 10) rate.landed(chars, now);
  return from + ms;
}

test("knows nothing before an interval is over, and then what landed in it", () => {
  const rate = new AppendRate();
  land(rate, 5_000, 100, 1_000);
  expect(rate.perMs).toBe(0);
  land(rate, 5_100, 400, 1_000);
  expect(rate.perMs).toBeGreaterThan(99);
  expect(rate.perMs).toBeLessThan(115);
});

test("rises at once and falls by steps: who is given little takes little", () => {
  const rate = new AppendRate();
  let now = land(rate, 0, 1_000, 1_000);
  now = land(rate, now, 200, 3_000);
  expect(rate.perMs).toBeGreaterThan(280);
  now = land(rate, now, 300, 1_000);
  expect(rate.perMs).toBeGreaterThan(180);
  land(rate, now, 2_000, 1_000);
  expect(rate.perMs).toBeLessThan(115);
});

test("a pause counts as time in which nothing was taken", () => {
  const rate = new AppendRate();
  const now = land(rate, 0, 1_000, 1_000);
  rate.landed(1_000, now + 2_000);
  expect(rate.perMs).toBeLessThan(20);
});
