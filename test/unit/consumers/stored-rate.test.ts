import { expect, test } from "bun:test";
import { StoredRate } from "../../../consumers/auditor/stored-rate.ts";

test("calls a store busy that grows faster than auditBusyPerSecond, and idle again when it rests", () => {
  const rate = new StoredRate(1_000);
  const see = (total: number, now: number) =>
    rate.see([{ nextOffset: total / 2 }, { nextOffset: total / 2 }], now);
  see(500_000, 0);
  expect(rate.isBusy).toBe(false);
  see(501_900, 1_500);
  expect(rate.isBusy).toBe(true);
  see(502_000, 3_000);
  expect(rate.isBusy).toBe(false);
});

test("waits for a span of time before it judges", () => {
  const rate = new StoredRate(1_000);
  rate.see([{ nextOffset: 0 }], 0);
  rate.see([{ nextOffset: 900 }], 10);
  expect(rate.isBusy).toBe(false);
});
