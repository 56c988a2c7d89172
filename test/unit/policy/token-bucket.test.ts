import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fullBucket, takeTokens } from "../../../src/policy/token-bucket.ts";

const rate = { perSecond: 10, burst: 5 };

describe("takeTokens", () => {
  test("a full bucket gives its burst at once and then says how long to wait", () => {
    const bucket = fullBucket(rate, 0);
    const waits = [0, 0, 0, 0, 0, 0].map(() => takeTokens(bucket, rate, 0));
    expect(waits).toEqual([0, 0, 0, 0, 0, 100]);
  });

  test("after the wait that was told there is a token, and not before", () => {
    const bucket = fullBucket(rate, 0);
    takeTokens(bucket, rate, 0, 5);
    expect(takeTokens(bucket, rate, 30)).toBe(70);
    expect(takeTokens(bucket, rate, 99)).toBe(1);
    expect(takeTokens(bucket, rate, 100)).toBe(0);
    expect(takeTokens(bucket, rate, 100)).toBe(100);
  });

  test("waiting for long fills the bucket and no more", () => {
    const bucket = fullBucket(rate, 0);
    takeTokens(bucket, rate, 0, 5);
    expect(takeTokens(bucket, rate, 1e9, 5)).toBe(0);
    expect(takeTokens(bucket, rate, 1e9)).toBe(100);
  });

  test("what is refused takes nothing", () => {
    const bucket = fullBucket(rate, 0);
    takeTokens(bucket, rate, 0, 3);
    expect(takeTokens(bucket, rate, 0, 3)).toBe(100);
    expect(takeTokens(bucket, rate, 0, 2)).toBe(0);
  });

  test("more than the bucket holds can never be taken", () => {
    expect(takeTokens(fullBucket(rate, 0), rate, 0, 6)).toBe(Number.POSITIVE_INFINITY);
  });

  test("a clock that stands or steps back gives nothing for free", () => {
    const bucket = fullBucket(rate, 1_000);
    takeTokens(bucket, rate, 1_000, 5);
    expect(takeTokens(bucket, rate, 500)).toBe(100);
    expect(takeTokens(bucket, rate, 1_000)).toBe(100);
  });

  test("over any span no more than the burst and the span's rate is given", () => {
    const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 300, noNaN: true }), fc.nat(6)), {
      maxLength: 100,
    });
    fc.assert(
      fc.property(steps, (takes) => {
        const bucket = fullBucket(rate, 0);
        let now = 0;
        let given = 0;
        for (const [waitMs, count] of takes) {
          now += waitMs;
          if (takeTokens(bucket, rate, now, count) === 0) given += count;
          expect(given).toBeLessThanOrEqual(rate.burst + (now * rate.perSecond) / 1000 + 1e-3);
        }
      }),
    );
  });

  test("after the wait that was told the tokens are there, at every rate", () => {
    const rates = fc.record({
      perSecond: fc.integer({ min: 1, max: 200_000 }),
      burst: fc.integer({ min: 1, max: 1_000 }),
    });
    fc.assert(
      fc.property(rates, fc.double({ min: 0, max: 9, noNaN: true }), (any, pauseMs) => {
        const bucket = fullBucket(any, 0);
        takeTokens(bucket, any, 0, any.burst);
        const waitMs = takeTokens(bucket, any, pauseMs, 1);
        if (waitMs > 0) expect(takeTokens(bucket, any, pauseMs + waitMs, 1)).toBe(0);
      }),
    );
  });

  test("asking often does not slow the refill down", () => {
    const often = fullBucket(rate, 0);
    takeTokens(often, rate, 0, 5);
    for (let now = 0.01; now < 99.99; now += 0.01) takeTokens(often, rate, now, 5);
    expect(takeTokens(often, rate, 100.01)).toBe(0);
  });
});
