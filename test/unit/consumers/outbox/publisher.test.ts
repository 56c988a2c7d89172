import { expect, test } from "bun:test";
import { OutboxPublisher } from "../../../../consumers/outbox/publisher.ts";
import { createMemoryOutbox } from "../../../../src/adapters/memory/outbox.ts";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { createSystemDigest } from "../../../../src/adapters/system/digest.ts";
import { AppError, type ErrorCode } from "../../../../src/errors.ts";
import { limitsWith, type Limits } from "../../../../src/limits.ts";
import type { Refusal } from "../../../../src/ports/backplane.ts";
import { parseVerdictHeader, type LogRecord } from "../../../../src/wire/record.ts";
import { Scheduler, schedulerClock } from "../../../simulation/scheduler.ts";
import { idOf, recordOf } from "../../../support/outbox/failover-kit.ts";

const limits = limitsWith();

function setUp(changes: Partial<Limits> = {}) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const outbox = createMemoryOutbox({ clock, limits });
  const telemetry = createMemoryTelemetry();
  const appended: string[] = [];
  const attempts: number[] = [];
  const batches: number[] = [];
  const at: number[] = [];
  const refusals: Refusal[] = [];
  const state = {
    fault: undefined as ErrorCode | undefined,
    only: undefined as number | undefined,
    hang: false,
    slowMs: 1,
  };
  let inFlight = 0;
  let most = 0;
  const log = {
    async append(_topic: string, partition: number, records: readonly LogRecord[]) {
      at.push(scheduler.now);
      most = Math.max(most, ++inFlight);
      if (state.hang) await new Promise(() => {});
      await scheduler.sleep(state.slowMs);
      inFlight--;
      if (state.fault !== undefined && (state.only ?? partition) === partition)
        throw new AppError(state.fault);
      batches.push(records.length);
      for (const record of records) {
        appended.push(`${partition}:${idOf(record.value)}`);
        attempts.push(parseVerdictHeader(record)?.attempt ?? -1);
      }
      return 0;
    },
  };
  const placement = { topic: "chat.messages.acme", shared: false, partitions: 1 };
  const open = () =>
    new OutboxPublisher({
      outbox,
      log,
      backplane: { refuse: (refusal) => refusals.push(refusal) },
      catalog: {
        find: () => Promise.resolve(placement),
        isGone: () => false,
        place: () => Promise.resolve(placement),
      },
      digest: createSystemDigest(),
      clock,
      limits: limitsWith(changes),
      telemetry,
      source: "outbox/1",
    });
  const publisher = open();
  const put = (from: number, to: number, partition = 0) =>
    outbox.put(
      Array.from({ length: to - from }, (_, i) => ({
        topic: "t",
        partition,
        record: recordOf(`m${from + i}`, 2),
      })),
    );
  const value = (name: string) => telemetry.value(`tidegate_outbox_${name}`);
  return {
    scheduler,
    outbox,
    telemetry,
    publisher,
    open,
    put,
    value,
    appended,
    attempts,
    batches,
    at,
    refusals,
    state,
    most: () => most,
  };
}

const names = (from: number, to: number, partition = 0) =>
  Array.from({ length: to - from }, (_, i) => `${partition}:m${from + i}`);

test("publishes the rows of a partition in order, in batches of outboxBatchRowsMax", async () => {
  const set = setUp();
  await set.put(0, 250);
  set.scheduler.pass(500);
  expect(set.appended).toEqual(names(0, 250));
  expect(set.batches).toEqual([100, 100, 50]);
  expect(set.outbox.data.rows).toBe(0);
  expect(set.value("published_total")).toBe(250);
  expect(set.attempts.every((attempt) => attempt === 2)).toBe(true);
});

test("two of them take turns and publish every row once, in order", async () => {
  const set = setUp();
  const second = set.open();
  await set.put(0, 500);
  set.scheduler.pass(1_000);
  expect(set.appended).toEqual(names(0, 500));
  await Promise.all([set.publisher.close(), second.close()]);
});

test("keeps the rows while the log is away, tries again with raised attempts every 250 ms", async () => {
  const set = setUp();
  set.state.fault = "log_unavailable";
  await set.put(0, 3);
  set.scheduler.pass(60_000);
  const opened = set.at[4] as number;
  const waits = set.at.slice(5).map((at, i) => at - (set.at[4 + i] as number));
  // As exactly as it looks.
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(250);
  expect(Math.max(...waits)).toBeLessThanOrEqual(250 + limits.outboxPollMs);
  expect(opened).toBeLessThan(1_000);
  expect(set.value("circuits_open")).toBe(1);
  expect(set.value("publish_errors_total")).toBe(set.at.length);
  set.state.fault = undefined;
  set.scheduler.pass(500);
  expect(set.appended).toEqual(names(0, 3));
  expect(set.attempts[0]).toBe(2 + set.at.length - 1);
  expect(set.value("circuits_open")).toBe(0);
});

test("a partition that is away delays only itself", async () => {
  const set = setUp();
  Object.assign(set.state, { fault: "log_unavailable", only: 0 });
  await set.put(0, 3, 0);
  for (let i = 0; i < 20; i++) {
    await set.put(10 * i + 10, 10 * i + 20, 1);
    set.scheduler.pass(300);
  }
  expect(set.appended).toEqual(names(10, 210, 1));
});

test("one partition tries for all while nothing can be published", async () => {
  const set = setUp();
  set.state.fault = "log_unavailable";
  for (let partition = 0; partition < 12; partition++) await set.put(0, 1, partition);
  set.scheduler.pass(2_000);
  const before = set.at.length;
  set.scheduler.pass(30_000);
  // Every 250 ms one of them, and not each of them.
  expect(set.at.length - before).toBeLessThanOrEqual(120);
  set.state.fault = undefined;
  set.scheduler.pass(1_000);
  expect(set.outbox.data.rows).toBe(0);
});

test("goes on at once with all of them after the first success, however little each has", async () => {
  const set = setUp();
  set.state.fault = "log_unavailable";
  for (let partition = 0; partition < 6; partition++) await set.put(0, 1, partition);
  set.scheduler.pass(40_000);
  set.state.fault = undefined;
  while (set.appended.length === 0) set.scheduler.pass(100);
  // Their own circuits may still have to wait for their next try.
  set.scheduler.pass(500);
  expect(set.outbox.data.rows).toBe(0);
  expect(set.value("circuits_open")).toBe(0);
});

test("a partition that stays away after an outage of all keeps none of the others waiting", async () => {
  const set = setUp();
  set.state.fault = "log_unavailable";
  for (let partition = 0; partition < 6; partition++) await set.put(0, 1, partition);
  set.scheduler.pass(40_000);
  set.state.only = 0;
  set.scheduler.pass(3_000);
  expect(set.appended.toSorted()).toEqual([1, 2, 3, 4, 5].map((partition) => `${partition}:m0`));
  set.state.fault = undefined;
  set.scheduler.pass(1_000);
  expect(set.outbox.data.rows).toBe(0);
});

test("partitions take turns where one is published at a time, also when some never get empty", async () => {
  const set = setUp({ outboxPartitionsMax: 1 });
  set.state.slowMs = 20;
  for (let partition = 0; partition < 4; partition++) await set.put(0, 5_000, partition);
  set.scheduler.pass(limits.outboxPollMs + 4 * set.state.slowMs);
  // One batch each at first, so that nobody waits for long.
  const first = [0, 1, 2, 3].flatMap((partition) => names(0, 100, partition));
  expect(set.appended.slice(0, 400)).toEqual(first);
  set.scheduler.pass(2_000);
  const rows = [0, 1, 2, 3].map(
    (partition) => set.appended.filter((name) => name.startsWith(`${partition}:`)).length,
  );
  expect(Math.max(...rows) - Math.min(...rows)).toBeLessThanOrEqual(1_000);
});

test("goes on at once with what is left when a turn is over", async () => {
  const set = setUp();
  await set.put(0, 5_000);
  set.scheduler.pass(limits.outboxPollMs + 100);
  expect(set.appended).toEqual(names(0, 5_000));
});

test("publishes no more than outboxPartitionsMax partitions at a time", async () => {
  const set = setUp({ outboxPartitionsMax: 3 });
  for (let partition = 0; partition < 10; partition++) await set.put(0, 1, partition);
  set.scheduler.pass(2_000);
  expect(set.most()).toBe(3);
  expect(set.outbox.data.rows).toBe(0);
});

test("looks every outboxPollMs", async () => {
  const set = setUp({ outboxPollMs: 400 });
  await set.put(0, 1);
  set.scheduler.pass(399);
  expect(set.at).toEqual([]);
  set.scheduler.pass(10);
  expect(set.at).toHaveLength(1);
});

test("parks what the log never takes, counts it and tells its sender", async () => {
  const set = setUp();
  set.state.fault = "record_too_large";
  await set.put(0, 1);
  set.scheduler.pass(200);
  expect(set.outbox.data.rows).toBe(0);
  expect((await set.outbox.parked(1))[0]).toMatchObject({ origin: "t/0/1" });
  expect(set.value("parked_rows_total")).toBe(1);
  expect(set.value("batch_failures_total")).toBe(1);
  set.scheduler.pass(2_000);
  expect(set.value("parked")).toBe(1);
});

test("an append without an outcome holds the partition no longer than twice its time", async () => {
  const set = setUp();
  set.state.hang = true;
  await set.put(0, 1);
  set.scheduler.pass(200);
  set.state.hang = false;
  set.scheduler.pass(2 * limits.appendOutcomeMs + 300);
  expect(set.appended).toEqual(["0:m0"]);
});

test("makes messages rows and publishes them", async () => {
  const set = setUp();
  const content = '{"text":"paid"}';
  const common = { tenant: "acme", conversation: "orders", sender: "shop", kind: "text" } as const;
  await set.outbox.submit([
    { ...common, key: "0198aaaa-bbbb-7ccc-8ddd-000000000001", content },
    { ...common, key: "weak", content },
  ]);
  set.scheduler.pass(500);
  expect(set.appended).toHaveLength(1);
  expect(set.appended[0]).toStartWith("0:0198aaaa-bbbb-7ccc-8ddd-000000000001.");
  expect(set.value("staged_total")).toBe(1);
  expect((await set.outbox.parked(1))[0]?.reason).toStartWith("key_weak");
});

test("finishes what it is at when it is closed, and begins nothing more", async () => {
  const set = setUp();
  await set.put(0, 250);
  set.scheduler.pass(100);
  let isClosed = false;
  void set.publisher.close().then(() => (isClosed = true));
  set.scheduler.pass(1_000);
  expect(isClosed).toBe(true);
  expect(set.appended).toEqual(names(0, 100));
  expect(set.outbox.data.rows).toBe(150);
});

test("says once that the outbox cannot be used", () => {
  const set = setUp();
  set.outbox.pending = () => Promise.reject(new AppError("store_unavailable"));
  set.outbox.stage = () => Promise.reject(new AppError("store_unavailable"));
  set.scheduler.pass(3_000);
  const told = set.telemetry.lines.filter(({ message }) => message.includes("cannot be used"));
  expect(told).toHaveLength(1);
});

test("says once that messages cannot be made rows, and again when that fails anew", () => {
  const set = setUp();
  const stage = set.outbox.stage.bind(set.outbox);
  const full = () => Promise.reject(new AppError("overloaded", "the outbox is full"));
  set.outbox.stage = full;
  set.scheduler.pass(3_000);
  const told = () => set.telemetry.lines.filter(({ level }) => level === "warn").length;
  expect(told()).toBe(1);
  set.outbox.stage = stage;
  set.scheduler.pass(1_000);
  set.outbox.stage = full;
  set.scheduler.pass(1_000);
  expect(told()).toBe(2);
});

test("shows how much waits and for how long", async () => {
  const set = setUp();
  set.state.fault = "log_unavailable";
  await set.put(0, 4);
  set.scheduler.pass(4_500);
  expect(set.value("depth")).toBe(4);
  expect(set.value("characters")).toBeGreaterThan(100);
  expect(set.value("messages")).toBe(0);
  expect(set.value("oldest_age_seconds")).toBeCloseTo(4, 0);
});
