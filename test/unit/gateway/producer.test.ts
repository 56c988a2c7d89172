import { expect, test } from "bun:test";
import { Producer, type AppendPace, type Completion } from "../../../gateway/producer.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import type { LogRecord } from "../../../src/wire/record.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

interface Append {
  readonly partition: number;
  readonly values: readonly string[];
  readonly settle: PromiseWithResolvers<number>;
}

const namedIn = (outcomes: string[], name: string): Completion => ({
  appended: (partition, offset) => outcomes.push(`${name} ${partition}/${offset}`),
  kept: () => outcomes.push(`${name} kept`),
  failed: (error) => outcomes.push(`${name} ${error.code}`),
});

function setUp(changes: Parameters<typeof limitsWith>[0] = {}, pace?: AppendPace) {
  const scheduler = new Scheduler();
  const appends: Append[] = [];
  const log = {
    append(_topic: string, partition: number, records: readonly LogRecord[]) {
      const settle = Promise.withResolvers<number>();
      appends.push({ partition, values: records.map(({ value }) => value), settle });
      return settle.promise;
    },
  } as unknown as EventLog;
  const producer = new Producer({
    log,
    clock: schedulerClock(scheduler),
    limits: limitsWith(changes),
    pace,
  });
  const outcomes: string[] = [];
  const send = (value: string, partition = 0): AppError | undefined =>
    producer.send("t", partition, { key: "k", headers: {}, value }, namedIn(outcomes, value));
  return { scheduler, appends, producer, outcomes, send };
}

test("gathers the records of one turn into one append for each partition", () => {
  const { scheduler, appends, outcomes, send } = setUp();
  send("a");
  send("b", 1);
  send("c");
  expect(appends).toEqual([]);
  scheduler.pass(0);
  expect(appends.map(({ partition, values }) => [partition, values])).toEqual([
    [0, ["a", "c"]],
    [1, ["b"]],
  ]);
  appends[1]?.settle.resolve(7);
  appends[0]?.settle.resolve(40);
  scheduler.pass(0);
  expect(outcomes).toEqual(["b 1/7", "a 0/40", "c 0/41"]);
});

test("an append has a bounded number of records and characters", () => {
  const { scheduler, appends, send } = setUp({ appendBatchRecordsMax: 2, appendBatchBytesMax: 10 });
  for (const value of ["a", "b", "c", "12345678", "d", "e"]) send(value);
  scheduler.pass(0);
  expect(appends.map(({ values }) => values)).toEqual([
    ["a", "b"],
    ["c", "12345678"],
    ["d", "e"],
  ]);
});

test("refuses as overloaded when too much waits, and takes again when it has an outcome", () => {
  const { scheduler, appends, producer, send } = setUp({ appendPendingBytesMax: 6 });
  expect(send("1234")).toBeUndefined();
  expect(send("567")?.code).toBe("overloaded");
  expect(producer.pendingChars).toBe(4);
  scheduler.pass(0);
  appends[0]?.settle.resolve(0);
  scheduler.pass(0);
  expect(send("567")).toBeUndefined();
});

test("refuses as overloaded what the log could not take in time, and takes again when it can", () => {
  const { scheduler, appends, producer, send } = setUp({
    appendPendingBytesMax: 1_000,
    appendWindowBytesMin: 4,
    appendWaitMs: 300,
  });
  const land = (waitMs: number, append: number) => {
    scheduler.pass(waitMs);
    appends[append]?.settle.resolve(append);
    scheduler.pass(0);
  };
  for (let append = 0; append < 2; append++) {
    expect(send("12345678")).toBeUndefined();
    land(600, append);
  }
  expect(producer.windowChars).toBe(4);
  const refused = send("12345678");
  expect(refused).toMatchObject({ code: "overloaded", limit: 4, retryAfterMs: 500 });
  for (let append = 2; producer.windowChars < 8; append++) {
    expect(send("1")).toBeUndefined();
    land(110, append);
  }
  expect(send("12345678")).toBeUndefined();
});

test("an append that waits for its delivery stays before those behind it and holds up no other", () => {
  const waiting: (() => void)[] = [];
  const ends: [number, number][] = [];
  let isLate = true;
  const { scheduler, appends, producer, outcomes, send } = setUp(
    {},
    {
      appended: (_topic, partition, end) => ends.push([partition, end]),
      holds: (_topic, partition, go) => {
        if (partition !== 0 || !isLate) return false;
        waiting.push(go);
        return true;
      },
    },
  );
  const valuesOf = () => appends.map(({ partition, values }) => [partition, ...values]);
  for (const [value, partition] of [
    ["a", 0],
    ["b", 1],
  ] as const)
    send(value, partition);
  scheduler.pass(5);
  send("c");
  scheduler.pass(5);
  expect(valuesOf()).toEqual([[1, "b"]]);
  expect(producer.pendingChars).toBe(3);
  isLate = false;
  for (const go of waiting) go();
  expect(valuesOf()).toEqual([
    [1, "b"],
    [0, "a"],
    [0, "c"],
  ]);
  for (const [i, append] of appends.entries()) append.settle.resolve(10 * i);
  scheduler.pass(0);
  expect(outcomes).toEqual(["b 1/0", "a 0/10", "c 0/20"]);
  expect(ends).toEqual([
    [1, 1],
    [0, 11],
    [0, 21],
  ]);
});

/** Holds all that comes while `isLate`. */
function holder() {
  const waiting: (() => void)[] = [];
  const pace = {
    isLate: false,
    waiting,
    appended: () => {},
    holds: (_topic: string, _partition: number, go: () => void) => {
      if (pace.isLate) waiting.push(go);
      return pace.isLate;
    },
  };
  return pace;
}

test("an append that waits behind one that fails is not taken, so that who sends again has its order", () => {
  const pace = holder();
  const { scheduler, appends, producer, outcomes, send } = setUp({}, pace);
  send("a");
  scheduler.pass(1);
  pace.isLate = true;
  for (const [value, partition] of [
    ["b", 0],
    ["other", 1],
    ["c", 0],
  ] as const) {
    send(value, partition);
    scheduler.pass(1);
  }
  appends[0]?.settle.reject(new AppError("unknown_outcome"));
  scheduler.pass(1);
  expect(outcomes).toEqual(["a unknown_outcome", "b log_unavailable", "c log_unavailable"]);
  for (const go of pace.waiting) go();
  expect(appends.map(({ values }) => values)).toEqual([["a"], ["other"]]);
  expect(producer.pendingChars).toBe("other".length);
});

test("an append that waits behind one that is refused for good is taken", () => {
  const pace = holder();
  const { scheduler, appends, outcomes, send } = setUp({}, pace);
  send("a");
  scheduler.pass(1);
  pace.isLate = true;
  send("b");
  scheduler.pass(1);
  appends[0]?.settle.reject(new AppError("record_too_large"));
  scheduler.pass(1);
  for (const go of pace.waiting) go();
  expect(outcomes).toEqual(["a record_too_large"]);
  expect(appends.map(({ values }) => values)).toEqual([["a"], ["b"]]);
});

test("a failed append fails each of its records with the log's error", () => {
  const { scheduler, appends, outcomes, send } = setUp();
  send("a");
  send("b");
  scheduler.pass(0);
  appends[0]?.settle.reject(new AppError("log_unavailable"));
  scheduler.pass(0);
  expect(outcomes).toEqual(["a log_unavailable", "b log_unavailable"]);
});

test("of several batches of a partition none is taken when one before it failed", async () => {
  const clock = createSystemClock();
  const log = createMemoryEventLog({ clock, random: createSystemRandom() });
  await log.createTopic({ name: "t", partitions: 2, retentionMs: 1_000 });
  log.faults.failNextAppend({ code: "disk_full" });
  const producer = new Producer({ log, clock, limits: limitsWith({ appendBatchRecordsMax: 1 }) });
  const outcomes: string[] = [];
  for (const [value, partition] of [
    ["a", 0],
    ["b", 0],
    ["c", 1],
    ["d", 0],
  ] as const)
    producer.send("t", partition, { key: "k", headers: {}, value }, namedIn(outcomes, value));
  await producer.settled();
  expect(outcomes).toEqual(["a disk_full", "b log_unavailable", "c 1/0", "d log_unavailable"]);
  await log.close();
});

test("gives up after its time with an unknown outcome, once", () => {
  const { scheduler, appends, producer, outcomes, send } = setUp({ appendTimeoutMs: 1_000 });
  send("a");
  scheduler.pass(600);
  expect(producer.stalled).toBe(true);
  producer.sweep();
  expect(outcomes).toEqual([]);
  scheduler.pass(600);
  producer.sweep();
  expect(outcomes).toEqual(["a unknown_outcome"]);
  appends[0]?.settle.resolve(0);
  scheduler.pass(0);
  expect(outcomes).toHaveLength(1);
});

test("is settled when every record has an outcome", () => {
  const { scheduler, appends, producer, send } = setUp();
  let settled = 0;
  void producer.settled().then(() => settled++);
  scheduler.pass(0);
  expect(settled).toBe(1);
  send("a");
  send("b", 1);
  void producer.settled().then(() => settled++);
  scheduler.pass(0);
  appends[0]?.settle.resolve(0);
  scheduler.pass(0);
  expect(settled).toBe(1);
  appends[1]?.settle.reject(new AppError("disk_full"));
  scheduler.pass(0);
  expect(settled).toBe(2);
});
