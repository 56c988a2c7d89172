import { expect, test } from "bun:test";
import { Failover } from "../../../gateway/failover.ts";
import { createMemoryOutbox } from "../../../src/adapters/memory/outbox.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";
import { P, recordOf } from "../../support/outbox/failover-kit.ts";
import { faultyOutbox } from "../../support/outbox/faulty-outbox.ts";

/** What a put takes under load, and a turn of the publisher. */
const PUT_MS = 40;
const TURN_MS = 250;
const TURN_ROWS = 400;
/** Between two sends of a gateway into the partition. */
const SEND_MS = 5;

/** Gateways that send into one partition all the time, an outbox, and a publisher with turns. */
function underLoad(gateways: number, sendMs = SEND_MS) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const limits = limitsWith();
  const inner = createMemoryOutbox({ clock, limits });
  const telemetry = createMemoryTelemetry();
  const state = { isAway: false, slowest: 0, sent: 0, refused: 0 };
  const log = {
    async append() {
      await scheduler.sleep(5);
      if (state.isAway) throw new AppError("log_unavailable");
      return 0;
    },
  };
  const failovers = Array.from({ length: gateways }, () => {
    const outbox = faultyOutbox(inner);
    const slow = {
      ...outbox,
      async put(rows: Parameters<typeof outbox.put>[0]) {
        await scheduler.sleep(PUT_MS);
        await outbox.put(rows);
      },
    };
    return new Failover({ log, outbox: slow, clock, limits, telemetry, mode: "hybrid" });
  });
  clock.every(sendMs, () => {
    for (const failover of failovers) {
      const began = scheduler.now;
      failover.append(P.topic, P.partition, [recordOf(`m${state.sent++}`)]).then(
        () => {
          state.slowest = Math.max(state.slowest, scheduler.now - began);
        },
        () => state.refused++,
      );
    }
  });
  clock.every(TURN_MS, () => {
    if (!state.isAway)
      void inner.publish(P, TURN_ROWS, async (entries) => {
        await scheduler.sleep(TURN_MS / 2);
        return { done: entries.length, parked: [] };
      });
  });
  const diverted = () => failovers.filter((one) => one.diverted > 0).length;
  return { scheduler, state, failovers, diverted };
}

test("gateways that all send into a partition return to the log soon after it has drained", () => {
  const { scheduler, state, failovers, diverted } = underLoad(2);
  scheduler.pass(1_000);
  state.isAway = true;
  scheduler.pass(3_000);
  expect(diverted()).toBe(2);
  state.isAway = false;
  const back = scheduler.now;
  while (diverted() > 0 && scheduler.now - back < 60_000) scheduler.pass(50);
  expect(scheduler.now - back).toBeLessThan(3_000);
  scheduler.pass(100);
  expect(state.slowest).toBeLessThanOrEqual(limitsWith().outboxHoldMs + 100);
  for (const failover of failovers) failover.close();
});

test("gateways that send more than is published return as well: they put nothing more until it has drained", () => {
  const { scheduler, state, failovers, diverted } = underLoad(3, 1);
  scheduler.pass(1_000);
  state.isAway = true;
  scheduler.pass(4_000);
  expect([diverted(), state.refused]).toEqual([3, 0]);
  state.isAway = false;
  const back = scheduler.now;
  while (diverted() > 0 && scheduler.now - back < 60_000) scheduler.pass(50);
  // 16,000 rows at 1,600 a second, and what came until it was clear that they did not get fewer.
  expect(scheduler.now - back).toBeLessThan(20_000);
  const { refused } = state;
  expect(refused).toBeGreaterThan(0);
  scheduler.pass(5_000);
  expect([diverted(), state.refused]).toEqual([0, refused]);
  for (const failover of failovers) failover.close();
});

test("a large backlog costs nobody a send while it drains", () => {
  const { scheduler, state, failovers, diverted } = underLoad(2);
  scheduler.pass(1_000);
  state.isAway = true;
  scheduler.pass(40_000);
  state.isAway = false;
  const back = scheduler.now;
  while (diverted() > 0 && scheduler.now - back < 60_000) scheduler.pass(50);
  expect(scheduler.now - back).toBeLessThan(30_000);
  expect(state.refused).toBe(0);
  for (const failover of failovers) failover.close();
});
