import { expect, test } from "bun:test";
import { Failover } from "../../../gateway/failover.ts";
import { Producer } from "../../../gateway/producer.ts";
import { createMemoryOutbox } from "../../../src/adapters/memory/outbox.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import type { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const PARTITIONS = 4;
const MESSAGE = { key: "k", headers: {}, value: "x".repeat(1_000) };

/** A gateway over a log that takes `perSecond` messages, one after the other. */
function gatewayOver(perSecond: number) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const limits = limitsWith({ appendWindowBytesMin: 20_000 });
  const state = { perSecond, freeAt: 0 };
  const log = {
    async append(_topic: string, _partition: number, records: readonly unknown[]) {
      const begins = Math.max(state.freeAt, scheduler.now);
      state.freeAt = begins + (records.length * 1_000) / state.perSecond;
      await scheduler.sleep(state.freeAt - scheduler.now);
      return 0;
    },
  };
  const failover = new Failover({
    log,
    outbox: createMemoryOutbox({ clock, limits }),
    clock,
    limits,
    telemetry: createMemoryTelemetry(),
    mode: "hybrid",
  });
  const producer = new Producer({ log: failover, clock, limits });
  const outcomes = new Map<string, number>();
  let slowestMs = 0;
  let sent = 0;
  const tell = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const send = () => {
    const at = scheduler.now;
    const answered = (outcome: string) => {
      tell(outcome);
      slowestMs = Math.max(slowestMs, scheduler.now - at);
    };
    const refused = producer.send("t", sent++ % PARTITIONS, MESSAGE, {
      appended: () => answered("log"),
      kept: () => answered("outbox"),
      failed: ({ code }: AppError) => answered(code),
    });
    if (refused !== undefined) tell(refused.code);
  };
  return {
    state,
    outcomes,
    failover,
    /** The slowest answer of a send that was taken, in ms. */
    slowest: () => slowestMs,
    run: (seconds: number, sendsPerSecond: number) => {
      outcomes.clear();
      slowestMs = 0;
      for (let ms = 0; ms < seconds * 1_000; ms++) {
        for (let i = 0; i < sendsPerSecond / 1_000; i++) send();
        scheduler.pass(1);
      }
    },
  };
}

test("of twice as much as the log can take, it takes all it can and the rest is refused at once", () => {
  const { run, outcomes, slowest, failover } = gatewayOver(1_000);
  run(20, 2_000);
  expect([...outcomes.keys()].sort()).toEqual(["log", "overloaded"]);
  expect(outcomes.get("log")).toBeGreaterThan(19_000);
  expect(slowest()).toBeLessThan(limitsWith().appendOutcomeMs);
  failover.close();
});

test("when the log becomes slow for a while, nothing goes to the outbox and all is taken after it", () => {
  const { run, state, outcomes, failover } = gatewayOver(4_000);
  run(2, 2_000);
  state.perSecond = 1_000;
  run(10, 2_000);
  expect([...outcomes.keys()].sort()).toEqual(["log", "overloaded"]);
  state.perSecond = 4_000;
  run(4, 2_000);
  run(4, 2_000);
  expect([...outcomes]).toEqual([["log", 8_000]]);
  failover.close();
});
