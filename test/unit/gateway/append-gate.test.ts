import { expect, test } from "bun:test";
import { AppendGate } from "../../../gateway/append-gate.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const LIMITS = { appendQueueMs: 200, appendWindowBytesMin: 10_000, appendSilentMs: 300 };

function setUp() {
  const scheduler = new Scheduler();
  const telemetry = createMemoryTelemetry();
  const gate = new AppendGate({ clock: schedulerClock(scheduler), limits: LIMITS, telemetry });
  let asks = 0;
  const go = (): void => void asks++;
  const holds = (): boolean => gate.holds(go);
  /** Partition 0 takes 100 characters a ms for a second. */
  const run = (): void => {
    const lane = gate.lane("t", 0);
    for (let ms = 0; ms < 1_000; ms++) {
      gate.began(lane, 100);
      scheduler.pass(1);
      gate.ended(lane, 100, true);
    }
  };
  return { scheduler, telemetry, gate, holds, run, asks: () => asks };
}

test("before anything is known of the log, the least may wait", () => {
  const { gate, holds } = setUp();
  gate.began(gate.lane("t", 0), 9_999);
  expect(holds()).toBe(false);
  gate.began(gate.lane("t", 0), 1);
  expect(holds()).toBe(true);
});

test("what the log takes in its time may wait, and what comes waits from then on until less does", () => {
  const { scheduler, gate, holds, run, asks, telemetry } = setUp();
  run();
  const lane = gate.lane("t", 0);
  gate.began(lane, 19_000);
  expect(holds()).toBe(false);
  gate.began(lane, 2_500);
  expect(holds()).toBe(true);
  scheduler.pass(20);
  expect([holds(), asks()]).toEqual([true, 0]);
  gate.ended(lane, 5_000, true);
  expect(asks()).toBe(1);
  expect(holds()).toBe(false);
  expect(telemetry.value("tidegate_intake_held_seconds_total")).toBeCloseTo(0.02, 3);
});

test("a partition that alone is silent holds nobody up, until it answers", () => {
  const { scheduler, gate, holds, run } = setUp();
  run();
  const away = gate.lane("t", 1);
  gate.began(away, 50_000);
  run();
  const other = gate.lane("t", 0);
  gate.began(other, 25_000);
  expect(holds()).toBe(false);
  gate.ended(away, 100, true);
  scheduler.pass(5);
  expect(holds()).toBe(true);
  scheduler.pass(5);
  gate.ended(away, 49_900, false);
  expect(holds()).toBe(false);
});

test("a partition that is slow counts for a part, so that it does not hold up the others", () => {
  const { scheduler, gate, holds, run } = setUp();
  run();
  const lanes = Array.from({ length: 8 }, (_, i) => gate.lane("t", i));
  for (const lane of lanes) gate.began(lane, 1_000);
  const [slow, ...others] = lanes as [ReturnType<typeof gate.lane>];
  gate.began(slow, 100_000);
  expect(holds()).toBe(false);
  scheduler.pass(10);
  for (const lane of others) gate.began(lane, 2_000);
  expect(holds()).toBe(true);
});

test("it closes before more is refused", () => {
  const { gate, holds, run } = setUp();
  run();
  gate.limit(12_000);
  gate.began(gate.lane("t", 0), 5_999);
  expect(holds()).toBe(false);
  gate.began(gate.lane("t", 0), 1);
  expect(holds()).toBe(true);
});

test("a log that answers nothing at all goes on to hold, and those who wait ask again", () => {
  const { scheduler, gate, holds, run, asks } = setUp();
  run();
  gate.began(gate.lane("t", 0), 50_000);
  expect(holds()).toBe(true);
  scheduler.pass(60);
  expect(asks()).toBe(1);
  scheduler.pass(1_000);
  expect(holds()).toBe(true);
});

test("what fails does not count as taken", () => {
  const { scheduler, gate, holds } = setUp();
  const lane = gate.lane("t", 0);
  for (let ms = 0; ms < 1_000; ms++) {
    gate.began(lane, 100);
    scheduler.pass(1);
    gate.ended(lane, 100, false);
  }
  gate.began(lane, 10_000);
  expect(holds()).toBe(true);
});
