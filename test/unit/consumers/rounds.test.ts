import { expect, test } from "bun:test";
import { Rounds } from "../../../consumers/delivery/rounds.ts";
import type { Clock, Timer } from "../../../src/ports/clock.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const EVERY_MS = 1_000;

function rounds(clock: Clock = new SteppedClock()) {
  const all = new Rounds(clock, EVERY_MS);
  const calls: { who: number; at: number }[] = [];
  let count = 0;
  const add = (): Timer => {
    const who = count++;
    return all.add(() => calls.push({ who, at: clock.monotonic() }));
  };
  return { clock, all, calls, add };
}

/** The moments of the calls, each once. */
const moments = (calls: readonly { at: number }[]) => [...new Set(calls.map(({ at }) => at))];

test("each is called within the interval and then at every interval, few of them together", async () => {
  const clock = new SteppedClock();
  const { calls, add } = rounds(clock);
  await clock.advance(300);
  for (let i = 0; i < 4; i++) add();
  await clock.advance(3 * EVERY_MS);
  expect(moments(calls)).toEqual([2_000, 3_000, 4_000]);
  expect(calls).toHaveLength(12);
});

test("a thousand are called in sixteen parts of the interval", async () => {
  const clock = new SteppedClock();
  const { calls, add } = rounds(clock);
  for (let i = 0; i < 1_000; i++) add();
  await clock.advance(EVERY_MS);
  expect(new Set(calls.map(({ who }) => who)).size).toBe(1_000);
  expect(moments(calls)).toHaveLength(16);
  for (const moment of moments(calls))
    expect(calls.filter(({ at }) => at === moment).length).toBeLessThanOrEqual(64);
});

test("who is cancelled is not called any more, and nothing is waited for when nobody is left", async () => {
  const clock = new SteppedClock();
  const { calls, add } = rounds(clock);
  const first = add();
  add().cancel();
  await clock.advance(EVERY_MS);
  expect(calls.map(({ who }) => who)).toEqual([0]);
  first.cancel();
  await clock.advance(5 * EVERY_MS);
  expect(calls).toHaveLength(1);
  // Whoever comes then is called as ever.
  add();
  await clock.advance(EVERY_MS);
  expect(calls.map(({ who }) => who)).toEqual([0, 2]);
});

test("a timer that comes a little early does not call twice", async () => {
  const stepped = new SteppedClock();
  const early: Clock = {
    now: () => stepped.now(),
    monotonic: () => stepped.monotonic(),
    after: (ms, run) => stepped.after(Math.max(0, ms - 0.5), run),
    every: (ms, run) => stepped.every(ms, run),
    defer: (run) => stepped.defer(run),
  };
  const { calls, add } = rounds(early);
  add();
  await stepped.advance(3 * EVERY_MS);
  expect(calls).toHaveLength(3);
});

test("a call that comes late puts none of the next ones off", async () => {
  const stepped = new SteppedClock();
  let lateMs = 0;
  const late: Clock = {
    now: () => stepped.now(),
    monotonic: () => stepped.monotonic(),
    after: (ms, run) => stepped.after(ms + lateMs, run),
    every: (ms, run) => stepped.every(ms, run),
    defer: (run) => stepped.defer(run),
  };
  const { calls, add } = rounds(late);
  lateMs = 0.7 * EVERY_MS;
  add();
  lateMs = 0;
  await stepped.advance(4 * EVERY_MS);
  expect(moments(calls)).toEqual([2_700, 3_000, 4_000, 5_000]);
});

test("who is called after several intervals is called once for all of them", async () => {
  const stepped = new SteppedClock();
  let lateMs = 3.2 * EVERY_MS;
  const late: Clock = {
    now: () => stepped.now(),
    monotonic: () => stepped.monotonic(),
    after: (ms, run) => stepped.after(ms + lateMs, run),
    every: (ms, run) => stepped.every(ms, run),
    defer: (run) => stepped.defer(run),
  };
  const { calls, add } = rounds(late);
  add();
  lateMs = 0;
  await stepped.advance(6 * EVERY_MS);
  expect(moments(calls)).toEqual([5_200, 6_000, 7_000]);
});
