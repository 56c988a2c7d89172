import { expect, test } from "bun:test";
import { AppendGate } from "../../../gateway/append-gate.ts";
import { Failover } from "../../../gateway/failover.ts";
import { Intake, type IntakeSource } from "../../../gateway/intake.ts";
import { Producer, type AppendPace } from "../../../gateway/producer.ts";
import { createMemoryOutbox } from "../../../src/adapters/memory/outbox.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const PARTITIONS = 4;
const MESSAGE = { key: "k", headers: {}, value: "x".repeat(1_000) };

class Client implements IntakeSource {
  waiting = 0;
  unsent = 0;

  waits(): void {
    this.waiting++;
  }

  waited(): void {
    this.waiting--;
  }
}

/** A gateway over a log that takes `perSecond` messages, one after the other. */
function gatewayOver(perSecond: number, changes: Parameters<typeof limitsWith>[0] = {}) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const limits = limitsWith({ appendWindowBytesMin: 20_000, ...changes });
  const state = { perSecond, freeAt: 0, isAway: false, away: -1, holdMs: 0 };
  const lost = new Map<number, Promise<never>>();
  /** The oldest append of a partition has no outcome in time, and those behind it fail with it. */
  const lose = async (partition: number): Promise<never> => {
    await scheduler.sleep(limits.appendOutcomeMs);
    lost.delete(partition);
    throw new AppError("log_unavailable");
  };
  const log = {
    async append(_topic: string, partition: number, records: readonly unknown[]) {
      if (state.isAway || partition === state.away) {
        if (!lost.has(partition)) lost.set(partition, lose(partition));
        return lost.get(partition) as Promise<never>;
      }
      const begins = Math.max(state.freeAt, scheduler.now);
      state.freeAt = begins + (records.length * 1_000) / state.perSecond;
      await scheduler.sleep(state.freeAt - scheduler.now);
      return 0;
    },
  };
  const outbox = createMemoryOutbox({ clock, limits });
  const telemetry = createMemoryTelemetry();
  const failover = new Failover({ log, outbox, clock, limits, telemetry, mode: "hybrid" });
  const gate = new AppendGate({ clock, limits, telemetry });
  const pace: AppendPace = {
    appended: () => {},
    holds: (_topic, _partition, go) => {
      if (state.holdMs > 0) clock.after(state.holdMs, go);
      return state.holdMs > 0;
    },
  };
  const producer = new Producer({ log: failover, clock, limits, pace, gate });
  const outcomes = new Map<string, number>();
  let slowestMs = 0;
  let sent = 0;
  const tell = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const send = () => {
    const at = scheduler.now;
    const partition = sent++ % PARTITIONS;
    const answered = (outcome: string) => {
      tell(outcome);
      if (partition !== state.away) slowestMs = Math.max(slowestMs, scheduler.now - at);
    };
    const refused = producer.send("t", partition, MESSAGE, {
      appended: () => answered("log"),
      kept: () => answered("outbox"),
      failed: ({ code }: AppError) => answered(code),
    });
    if (refused !== undefined) tell(refused.code);
  };
  const intake = new Intake<Client>({
    clock,
    limits,
    gate,
    handle: send,
  });
  const clients = Array.from({ length: 20 }, () => new Client());
  return {
    state,
    outcomes,
    outbox,
    failover,
    /** The slowest answer of a send that was taken, in ms. */
    slowest: () => slowestMs,
    /** As {@link run}, from clients whose sockets are not read while a frame of theirs waits. */
    runSockets: (seconds: number, sendsPerSecond: number) => {
      outcomes.clear();
      slowestMs = 0;
      for (let ms = 0; ms < seconds * 1_000; ms++) {
        for (let i = 0; i < sendsPerSecond / 1_000; i++)
          (clients[(ms + i) % clients.length] as Client).unsent++;
        for (const client of clients)
          for (; client.unsent > 0 && client.waiting === 0; client.unsent--)
            intake.take(client, "a frame");
        scheduler.pass(1);
      }
    },
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

test("a log that answers nothing has no send refused, before the outbox takes them and after it", () => {
  const { run, state, outcomes, failover } = gatewayOver(4_000);
  run(2, 2_000);
  state.isAway = true;
  run(10, 2_000);
  expect([...outcomes.keys()]).toEqual(["outbox"]);
  failover.close();
});

test("a send that waited for its delivery first has its answer no later when log and outbox are away", () => {
  const { run, state, outcomes, slowest, failover, outbox } = gatewayOver(4_000);
  outbox.put = () => new Promise(() => {});
  state.isAway = true;
  state.holdMs = limitsWith().deliveryHoldMs;
  run(4, 1_000);
  expect(outcomes.get("log_unavailable")).toBeGreaterThan(1_000);
  expect(slowest()).toBeLessThanOrEqual(limitsWith().sendAnswerMs + 50);
  failover.close();
});

test("of twice as much as the log can take, what comes from sockets waits there, and nothing is refused", () => {
  const { runSockets, outcomes, slowest, failover } = gatewayOver(1_000);
  runSockets(20, 2_000);
  expect([...outcomes.keys()]).toEqual(["log"]);
  expect(outcomes.get("log")).toBeGreaterThan(19_000);
  expect(slowest()).toBeLessThan(2 * limitsWith().appendQueueMs);
  failover.close();
});

test("so it does in front of a log that is slower than the least that may wait, or becomes slow", () => {
  const slow = gatewayOver(1_000, { appendWindowBytesMin: limitsWith().appendWindowBytesMin });
  slow.runSockets(20, 2_000);
  expect([...slow.outcomes.keys()]).toEqual(["log"]);
  slow.failover.close();
  const { runSockets, state, outcomes, failover } = gatewayOver(5_000);
  runSockets(5, 4_000);
  state.perSecond = 1_000;
  runSockets(10, 4_000);
  state.perSecond = 5_000;
  runSockets(5, 4_000);
  expect([...outcomes.keys()]).toEqual(["log"]);
  failover.close();
});

test.each([500, 1_000, 1_400])(
  "a log that stands still for %d ms at full load has nothing in the outbox",
  (ms) => {
    const { runSockets, state, outcomes, failover } = gatewayOver(4_000);
    runSockets(5, 4_000);
    state.freeAt += ms;
    runSockets(5, 4_000);
    expect([...outcomes.keys()]).toEqual(["log"]);
    failover.close();
  },
);

test("a partition that alone is away holds up what goes to the others for a moment only", () => {
  const { runSockets, state, outcomes, slowest, failover } = gatewayOver(4_000);
  runSockets(2, 3_000);
  state.away = 3;
  runSockets(10, 3_000);
  expect([...outcomes.keys()].sort()).toEqual(["log", "outbox"]);
  expect(slowest()).toBeLessThan(2 * limitsWith().appendSilentMs);
  failover.close();
});

test("a log that is away holds up what comes from sockets until the outbox takes it", () => {
  const { runSockets, state, outcomes, failover } = gatewayOver(4_000);
  runSockets(2, 4_000);
  state.isAway = true;
  runSockets(10, 4_000);
  expect([...outcomes.keys()]).toEqual(["outbox"]);
  // It stood for what an append has at most, and nothing of it was lost.
  expect(outcomes.get("outbox")).toBeGreaterThan(4_000 * 8);
  failover.close();
});
