import { expect, test } from "bun:test";
import { LeasedBudget, type Grant } from "../../../../src/adapters/redis/leased-budget.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { fullBucket, takeTokens, type Rate } from "../../../../src/policy/token-bucket.ts";
import { RATE_SLACK_MS } from "../../../../src/ports/shared-limits.ts";

const RATE = { perSecond: 100, burst: 50 };
const LIMITS = { rateLeaseMs: 100, rateLeaseLifeMs: 2_000, rateAnswerMs: 250 };
/** Of one lease: what comes in rateLeaseMs. */
const CHUNK = 10;

function setUp() {
  const world = { now: 0, asked: [] as number[] };
  const answers: ((answer: Grant | Error) => void)[] = [];
  const budget = new LeasedBudget({
    limits: limitsWith(LIMITS),
    monotonic: () => world.now,
    ask: (tokens) =>
      new Promise((resolve, reject) => {
        world.asked.push(tokens);
        answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      }),
  });
  return {
    world,
    /** Takes until refused. @returns how many were taken, and the wait */
    drain: () => {
      for (let taken = 0; ; taken++) {
        const wait = budget.take(world.now, RATE);
        if (wait > 0 || taken > 1_000) return { taken, wait };
      }
    },
    answer: async (answer: Partial<Grant> | Error) => {
      const grant = { tokens: 0, members: 1, waitMs: 0 };
      answers.shift()?.(answer instanceof Error ? answer : { ...grant, ...answer });
      // The budget hears of it in the turn after.
      await Promise.resolve();
      await Promise.resolve();
    },
  };
}

test("the first tokens are taken on credit, while the first lease is on its way", () => {
  const { world, drain } = setUp();
  expect(drain().taken).toBe(CHUNK);
  expect(world.asked).toEqual([CHUNK]);
});

test("a lease pays the credit first", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer({ tokens: CHUNK });
  world.now += 100;
  expect(drain().taken).toBe(CHUNK);
  await answer({ tokens: 2 * CHUNK });
  expect(drain().taken).toBe(2 * CHUNK);
});

test("the next lease is asked for before the present one is spent", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer({ tokens: 2 * CHUNK });
  expect(world.asked).toHaveLength(1);
  expect(drain().taken).toBeGreaterThanOrEqual(CHUNK);
  expect(world.asked).toHaveLength(2);
});

test("leases grow for who runs dry before the answer, up to a share of half the burst", async () => {
  const { world, drain, answer } = setUp();
  // As a gateway does that reads at once what came while it had no turn.
  expect(drain().taken).toBe(CHUNK);
  await answer({ tokens: CHUNK });
  world.now += 100;
  drain();
  expect(world.asked).toEqual([CHUNK, 2 * CHUNK]);
  await answer({ tokens: 2 * CHUNK });
  drain();
  expect(world.asked.at(-1)).toBe(RATE.burst / 2);
  await answer({ tokens: RATE.burst / 2, members: 2 });
  drain();
  expect(world.asked.at(-1)).toBe(Math.floor(RATE.burst / 4));
});

test("leases shrink again when one is not spent", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer({ tokens: 2 * CHUNK });
  world.now += LIMITS.rateLeaseLifeMs + 1;
  drain();
  expect(world.asked).toEqual([CHUNK, CHUNK]);
});

test("an empty bucket is not asked again before it may have something", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer({ tokens: 0, waitMs: 70 });
  expect(drain()).toEqual({ taken: 0, wait: 70 });
  world.now += 69;
  expect(drain().wait).toBe(1);
  expect(world.asked).toHaveLength(1);
  world.now += 1;
  drain();
  // What is owed is asked for as well.
  expect(world.asked).toEqual([CHUNK, 2 * CHUNK]);
});

test("a lease that was not spent in rateLeaseLifeMs is void", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer({ tokens: 4 * CHUNK });
  world.now += LIMITS.rateLeaseLifeMs + 1;
  // Credit alone.
  expect(drain().taken).toBe(CHUNK);
});

test("while Redis is away each takes its share of the rate", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer({ tokens: CHUNK, members: 4 });
  world.now += 100;
  drain();
  await answer(new Error("away"));
  const burst = drain().taken;
  expect(burst).toBeLessThanOrEqual(RATE.burst / 4 + 1);
  world.now += 1_000;
  expect(drain().taken).toBeLessThanOrEqual(RATE.burst / 4 + 1);
  expect(drain().wait).toBeGreaterThanOrEqual(1);
});

test("an answer that does not come within rateAnswerMs is not waited for", () => {
  const { world, drain } = setUp();
  expect(drain().taken).toBe(CHUNK);
  world.now += LIMITS.rateAnswerMs;
  expect(drain().taken).toBe(0);
  world.now += 1;
  expect(drain().taken).toBe(RATE.burst);
  expect(world.asked).toHaveLength(1);
});

test("it asks again after it was away, and goes on with leases", async () => {
  const { world, drain, answer } = setUp();
  drain();
  await answer(new Error("away"));
  world.now += 10_000;
  drain();
  expect(world.asked).toHaveLength(2);
  await answer({ tokens: 4 * CHUNK });
  expect(drain().taken).toBeWithin(CHUNK, 5 * CHUNK);
});

/** A process at a shared bucket that answers in the turn after it was asked. */
function atBucket(rate: Rate) {
  const bucket = fullBucket(rate, 0);
  let now = 0;
  const budget = new LeasedBudget({
    limits: limitsWith(LIMITS),
    monotonic: () => now,
    async ask(tokens, _rate, back) {
      takeTokens(bucket, rate, now, 0);
      bucket.tokens = Math.min(rate.burst, bucket.tokens + back);
      const granted = Math.min(tokens, Math.floor(bucket.tokens));
      takeTokens(bucket, rate, now, granted);
      return { tokens: granted, members: 1, waitMs: granted > 0 ? 0 : 1 };
    },
  });
  const turns: { readonly at: number; readonly taken: number }[] = [];
  return {
    turns,
    /** A turn that has so many sends to make. */
    turn: async (ms: number, sends: number) => {
      now += ms;
      let taken = 0;
      for (let i = 0; i < sends; i++) if (budget.take(now, rate) === 0) taken++;
      turns.push({ at: now, taken });
      // The budget hears of the answer before the next one.
      await Bun.sleep(0);
    },
  };
}

test("leases let no more through in any time than the rate and its slack", async () => {
  const rate = { perSecond: 1_000, burst: 2_000 };
  const { turn, turns } = atBucket(rate);
  // It runs dry before the answer, so that its leases grow, has nothing to do, and is busy again.
  for (const pauseMs of [1_900, 300, 4_000]) {
    for (let i = 0; i < 20; i++) await turn(700, 600);
    await turn(pauseMs, 0);
    for (let i = 0; i < 20; i++) await turn(5, 400);
  }
  let most = 0;
  for (const [i, { at: from }] of turns.entries()) {
    let taken = 0;
    for (const one of turns.slice(i)) {
      taken += one.taken;
      most = Math.max(most, taken - (rate.perSecond * (one.at - from)) / 1_000);
    }
  }
  expect(most).toBeGreaterThan(rate.burst / 2);
  expect(most).toBeLessThanOrEqual(rate.burst + (rate.perSecond * RATE_SLACK_MS) / 1_000);
});

test.each([5, 50, 150, 300])(
  "with turns of %p ms a process with two thirds of the rate is refused next to nothing",
  async (ms) => {
    const rate = { perSecond: 1_000, burst: 2_000 };
    const { turn, turns } = atBucket(rate);
    const sends = Math.round((ms * rate.perSecond * 2) / 3 / 1_000);
    for (let at = 0; at < 20_000; at += ms) await turn(ms, sends);
    let refused = 0;
    for (const { taken } of turns) refused += sends - taken;
    expect(refused).toBeLessThanOrEqual(0.02 * sends * turns.length);
  },
);
