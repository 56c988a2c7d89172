import { expect, test } from "bun:test";
import { Instants, type Instant } from "../../../consumers/delivery/instants.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const EVERY_MS = 50;

function instants() {
  const clock = new SteppedClock();
  const one = new Instants(clock, EVERY_MS);
  let calls: number[] = [];
  /** @param events that each commits */
  const wait = (count: number, events = 1): Instant[] =>
    Array.from({ length: count }, () =>
      one.next(one.phase(), () => {
        calls.push(clock.monotonic());
        return events;
      }),
    );
  const called = (): number[] => {
    const all = calls;
    calls = [];
    return all;
  };
  return { clock, one, called, wait };
}

const times = (count: number, at: number) => Array.from({ length: count }, () => at);

test("all that wait are called at the same instant, which is one of a grid", async () => {
  const { clock, called, wait } = instants();
  await clock.advance(7);
  wait(1);
  await clock.advance(20);
  wait(2);
  await clock.advance(100);
  expect(called()).toEqual(times(3, 1_050));
});

test("who waits again at an instant is called at the next one", async () => {
  const { clock, one } = instants();
  const calls: number[] = [];
  const again = () => {
    calls.push(clock.monotonic());
    if (calls.length < 3) one.next(0, again);
    return 1;
  };
  one.next(0, again);
  await clock.advance(500);
  expect(calls).toEqual([1_050, 1_100, 1_150]);
});

test("who does not wait any longer is not called, also when another one that is called says so", async () => {
  const { clock, one } = instants();
  const calls: string[] = [];
  one.next(0, () => calls.push("early")).cancel();
  one.next(0, () => {
    second.cancel();
    return calls.push("first");
  });
  const second = one.next(0, () => calls.push("second"));
  await clock.advance(200);
  expect(calls).toEqual(["first"]);
});

test("of many partitions with a little each every instant calls some, and each its own ones", async () => {
  const { clock, called, wait } = instants();
  wait(32);
  await clock.advance(EVERY_MS);
  expect(called()).toHaveLength(32);
  // One event from instant to instant: each is called at every sixteenth.
  wait(32);
  for (let i = 0; i < 16; i++) {
    await clock.advance(EVERY_MS);
    expect(called()).toHaveLength(2);
  }
  await clock.advance(1_000);
  expect(called()).toEqual([]);
});

test("the more a partition has, the more often it is called", async () => {
  const { clock, called, wait } = instants();
  const spread = async (events: number): Promise<number> => {
    wait(32, events);
    await clock.advance(16 * EVERY_MS);
    called();
    // These are the first to know the pace.
    wait(32, events);
    await clock.advance(16 * EVERY_MS);
    return new Set(called()).size;
  };
  expect(await spread(4)).toBe(8);
});

test("few partitions, or such as have much, are called at every instant", async () => {
  const { clock, called, wait } = instants();
  for (const [count, events] of [
    [24, 1],
    [32, 40],
  ] as const)
    for (let i = 0; i < 3; i++) {
      wait(count, events);
      await clock.advance(EVERY_MS);
      expect(called()).toHaveLength(count);
    }
});

test("whoever is waited for is called at the next instant of all, once", async () => {
  const { clock, called, wait } = instants();
  wait(32);
  await clock.advance(EVERY_MS);
  called();
  const waiting = wait(32);
  const last = waiting.find((_, i) => i % 16 === 15) as Instant;
  await clock.advance(20);
  for (const one of waiting) one.hurry();
  last.hurry();
  await clock.advance(30);
  expect(called()).toHaveLength(32);
  last.hurry();
  await clock.advance(2_000);
  expect(called()).toEqual([]);
});

test("after a while in which nobody waited, one that waits is called at the next instant", async () => {
  const { clock, called, wait } = instants();
  wait(32);
  await clock.advance(EVERY_MS);
  called();
  await clock.advance(17 * EVERY_MS);
  wait(2);
  await clock.advance(EVERY_MS);
  expect(called()).toHaveLength(2);
});

test("who waits again while it is called puts off nobody who waits for an instant before that", async () => {
  const { clock, one, wait } = instants();
  // So many that have little each that they are stretched as far as it goes.
  wait(200, 0);
  await clock.advance(EVERY_MS);
  const seen: string[] = [];
  const now = Math.floor(clock.monotonic() / EVERY_MS);
  one.next(now + 1, () => {
    one.next(now + 1, () => seen.push("next turn"));
    return 0;
  });
  one.next(now + 3, () => seen.push(`third ${clock.monotonic() / EVERY_MS - now}`));
  await clock.advance(20 * EVERY_MS);
  expect(seen).toEqual(["third 3", "next turn"]);
});
