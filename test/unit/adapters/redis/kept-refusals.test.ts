import { expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { KeptRefusals } from "../../../../src/adapters/redis/kept-refusals.ts";
import { createRedisMetrics } from "../../../../src/adapters/redis/metrics.ts";
import { limitsWith, type Limits } from "../../../../src/limits.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const TICK_MS = 100;
const REPEAT_MS = 1_000;

/** What is kept, before a Redis that is there or not and answers when the test says so. */
function setUp(changes: Partial<Limits> = {}) {
  const clock = new SteppedClock();
  const telemetry = createMemoryTelemetry();
  const sent: { readonly text: string; readonly answer: (isTaken: boolean) => void }[] = [];
  const redis = { isLive: true, cuts: 0 };
  const refusals = new KeptRefusals({
    fabric: {
      get cuts() {
        return redis.cuts;
      },
      metrics: createRedisMetrics(telemetry),
      isLive: () => redis.isLive,
      send: (_tag, _channel, text, answer = () => {}) =>
        void sent.push({ text: String(text), answer }),
    },
    clock,
    limits: limitsWith({ refusalRepeatMs: REPEAT_MS, probeIntervalMs: TICK_MS, ...changes }),
    telemetry,
  });
  return {
    clock,
    redis,
    refusals,
    say: (text: string) => refusals.say(0, "channel", text),
    /** Takes what was sent since the last time. */
    take(isTaken = true): string[] {
      return sent.splice(0).map(({ text, answer }) => {
        answer(isTaken);
        return text;
      });
    },
    kept: () => telemetry.value("tidegate_backplane_refusals_kept"),
    dropped: () => telemetry.value("tidegate_backplane_refusals_dropped_total"),
  };
}

test("a refusal is said at once and a second time, and then forgotten", async () => {
  const world = setUp();
  world.say("a");
  expect(world.take()).toEqual(["a"]);
  await world.clock.advance(REPEAT_MS - 1);
  expect(world.take()).toEqual([]);
  await world.clock.advance(TICK_MS);
  expect(world.take()).toEqual(["a"]);
  expect(world.kept()).toBe(0);
  await world.clock.advance(10 * REPEAT_MS);
  expect(world.take()).toEqual([]);
});

test("while Redis is away refusals wait, and are said twice once it is back", async () => {
  const world = setUp();
  world.redis.isLive = false;
  world.say("a");
  world.say("b");
  await world.clock.advance(10 * REPEAT_MS);
  expect([world.take(), world.kept()]).toEqual([[], 2]);
  world.redis.isLive = true;
  await world.clock.advance(TICK_MS);
  expect(world.take()).toEqual(["a", "b"]);
  await world.clock.advance(REPEAT_MS + TICK_MS);
  expect(world.take()).toEqual(["a", "b"]);
  expect([world.kept(), world.dropped()]).toEqual([0, 0]);
});

test("what Redis did not take is said again at the next look", async () => {
  const world = setUp();
  world.say("a");
  expect(world.take(false)).toEqual(["a"]);
  await world.clock.advance(TICK_MS);
  expect(world.take()).toEqual(["a"]);
  expect(world.kept()).toBe(1);
});

test("what was said before a connection was lost counts as not said", async () => {
  const world = setUp();
  world.say("a");
  world.take();
  world.redis.cuts++;
  for (let i = 0; i < 2; i++) {
    await world.clock.advance(REPEAT_MS + TICK_MS);
    expect(world.take()).toEqual(["a"]);
    expect(world.kept()).toBe(1 - i);
  }
});

test("one that has no answer yet is not said again", async () => {
  const world = setUp();
  world.say("a");
  await world.clock.advance(3 * REPEAT_MS);
  expect(world.take()).toEqual(["a"]);
});

test("of more than refusalsKeptMax, or refusalsKeptBytesMax, the oldest are given up and counted", async () => {
  for (const bound of [{ refusalsKeptMax: 2 }, { refusalsKeptBytesMax: 20 }]) {
    const world = setUp(bound);
    world.redis.isLive = false;
    for (const name of ["a", "b", "c"]) world.say(name.repeat(10));
    expect([world.kept(), world.dropped()]).toEqual([2, 1]);
    world.redis.isLive = true;
    await world.clock.advance(TICK_MS);
    expect(world.take().map((text) => text[0])).toEqual(["b", "c"]);
  }
});

test("what was never said when everything ends is counted", () => {
  const world = setUp();
  world.say("a");
  world.take();
  world.redis.isLive = false;
  world.say("b");
  world.refusals.close();
  expect([world.kept(), world.dropped()]).toEqual([0, 1]);
});
