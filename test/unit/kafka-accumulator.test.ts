import { expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { Accumulator } from "../../src/kafka/accumulator.ts";
import type { BatchOutcome } from "../../src/kafka/log-batch.ts";
import { type Limits, limitsWith } from "../../src/limits.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { ScriptedSender } from "../support/kafka-sender.ts";
import { rejection } from "../support/rejection.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

const LINGER_MS = 5;

function open(changes: Partial<Limits> = {}, lingerMs = LINGER_MS) {
  const clock = new SteppedClock();
  const sender = new ScriptedSender();
  const limits = limitsWith({ produceInFlightMax: 1, ...changes });
  const accumulator = new Accumulator({ clock, sender, limits, lingerMs });
  return { clock, sender, limits, accumulator };
}

const record = (value: number | string): LogRecord => ({
  key: "k",
  headers: {},
  value: String(value),
});
const appended = (base: number): BatchOutcome => ({ kind: "appended", base });
const unreachable = new AppError("log_unavailable", "nobody there");
const failed = (error: AppError): BatchOutcome => ({ kind: "failed", error });
const again = (written: "no" | "maybe"): BatchOutcome => ({
  kind: "again",
  written,
  error: unreachable,
});
const tooLarge: BatchOutcome = {
  kind: "too_large",
  error: new AppError("record_too_large"),
};

test("an append goes out at once while nothing is on its way, with all of the same turn", async () => {
  const { accumulator, clock, sender } = open();
  const calls = [
    accumulator.append("t", 0, [record(1), record(2)]),
    accumulator.append("t", 1, [record(3)]),
    accumulator.append("t", 0, [record(4)]),
  ];
  await clock.advance(0);
  expect(sender.requests).toHaveLength(1);
  expect(sender.shown(0)).toEqual(["t/0: 1 2 4", "t/1: 3"]);
  sender.requests[0]?.answer(appended(10), appended(7));
  expect(await Promise.all(calls)).toEqual([10, 7, 12]);
});

test("what comes while a request is on its way goes with the next one, after the linger", async () => {
  const { accumulator, clock, sender } = open();
  const first = accumulator.append("t", 0, [record(1)]);
  await clock.advance(1);
  const others = [2, 3].map((value) => accumulator.append("t", 0, [record(value)]));
  sender.requests[0]?.answer(appended(0));
  expect(await first).toBe(0);
  await clock.advance(LINGER_MS - 2);
  expect(sender.requests).toHaveLength(1);
  await clock.advance(1);
  expect(sender.shown(1)).toEqual(["t/0: 2 3"]);
  sender.requests[1]?.answer(appended(1));
  expect(await Promise.all(others)).toEqual([1, 2]);
});

/** Requests one after the other, each answered before the next. @param stepMs of the clock */
function paced(records: number, stepMs: number) {
  const { accumulator, clock, sender } = open({ produceInFlightMax: 2 }, 1);
  const some = Array.from({ length: records }, (_, i) => record(i));
  const answers: Promise<number>[] = [];
  /** Ms from an append until it goes out, behind a request that is answered after `lateMs`. */
  const gap = async (lateMs: number): Promise<number> => {
    const at = sender.requests.length;
    answers.push(accumulator.append("t", at, some));
    await clock.advance(0);
    let ms = 0;
    for (; sender.requests.length === at; ms += stepMs) await clock.advance(stepMs);
    await clock.advance(lateMs);
    sender.requests[at]?.answer(appended(0));
    await clock.advance(0);
    return Math.round(ms + lateMs);
  };
  return { gap, settled: () => Promise.all(answers) };
}

test("a broker that answers late gets requests further apart, by 6 ms at most", async () => {
  const { gap, settled } = paced(64, 1);
  expect(await gap(0)).toBe(0);
  for (let i = 0; i < 20; i++) await gap(0);
  expect(await gap(0)).toBe(1);
  for (let i = 0; i < 20; i++) await gap(4);
  expect(await gap(0)).toBe(0);
  expect(await gap(0)).toBe(4);
  for (let i = 0; i < 20; i++) await gap(1_000);
  expect(await gap(0)).toBe(0);
  expect(await gap(0)).toBe(6);
  await settled();
});

test("requests of a few records each are as far apart as four answers take, by 6 ms at most", async () => {
  const few = paced(2, 1 / 16);
  for (let i = 0; i < 40; i++) await few.gap(0);
  expect(await few.gap(0)).toBe(1);
  for (let i = 0; i < 40; i++) await few.gap(1);
  expect(await few.gap(1)).toBe(4);
  for (let i = 0; i < 40; i++) await few.gap(3);
  expect(await few.gap(3)).toBe(6);
  await few.settled();
});

test("a broker that is busy does not hold up another one", async () => {
  const { accumulator, clock, sender } = open();
  sender.leaders.set("t/1", 2);
  const slow = accumulator.append("t", 0, [record(1)]);
  await clock.advance(0);
  const quick = accumulator.append("t", 1, [record(2)]);
  await clock.advance(0);
  expect(sender.requests.map(({ broker }) => broker)).toEqual([1, 2]);
  sender.requests[1]?.answer(appended(0));
  expect(await quick).toBe(0);
  sender.requests[0]?.answer(appended(0));
  await slow;
});

test("no more than produceInFlightMax requests wait for one broker's answer", async () => {
  const { accumulator, clock, sender } = open({ produceInFlightMax: 2 });
  const calls: Promise<number>[] = [];
  for (let partition = 0; partition < 4; partition++) {
    calls.push(accumulator.append("t", partition, [record(partition)]));
    await clock.advance(LINGER_MS);
  }
  expect(sender.requests).toHaveLength(2);
  sender.requests[0]?.answer(appended(0));
  await clock.advance(LINGER_MS);
  expect(sender.shown(2)).toEqual(["t/2: 2", "t/3: 3"]);
  sender.requests[1]?.answer(appended(0));
  sender.requests[2]?.answer(appended(0), appended(0));
  await Promise.all(calls);
});

test("a partition never has two batches on their way", async () => {
  const { accumulator, clock, sender } = open({ produceInFlightMax: 5 });
  const calls = [accumulator.append("t", 0, [record(1)])];
  await clock.advance(LINGER_MS);
  calls.push(accumulator.append("t", 0, [record(2)]));
  await clock.advance(LINGER_MS * 4);
  expect(sender.requests).toHaveLength(1);
  sender.requests[0]?.answer(appended(0));
  await clock.advance(0);
  sender.requests[1]?.answer(appended(1));
  expect(await Promise.all(calls)).toEqual([0, 1]);
});

test("batches end at produceBatchBytesMax and requests at produceRequestBytesMax", async () => {
  const one = 120 + 1 + 100;
  const { accumulator, clock, sender } = open({
    produceBatchBytesMax: 2 * one,
    produceRequestBytesMax: 3 * one,
  });
  const text = "x".repeat(100);
  const calls = [0, 0, 0, 1, 2].map((partition) =>
    accumulator.append("t", partition, [record(text)]),
  );
  await clock.advance(0);
  expect(
    sender.requests[0]?.batches.map(({ partition, records }) => [partition, records.length]),
  ).toEqual([
    [0, 2],
    [1, 1],
  ]);
  sender.requests[0]?.answer(appended(0), appended(0));
  await clock.advance(LINGER_MS);
  expect(
    sender.requests[1]?.batches.map(({ partition, records }) => [partition, records.length]),
  ).toEqual([
    [2, 1],
    [0, 1],
  ]);
  sender.requests[1]?.answer(appended(0), appended(2));
  expect(await Promise.all(calls)).toEqual([0, 1, 2, 0, 0]);
});

test("when an append fails, those behind it in its partition fail unwritten, and others do not", async () => {
  const { accumulator, clock, sender } = open();
  const first = accumulator.append("t", 0, [record(1)]);
  const other = accumulator.append("t", 1, [record(9)]);
  await clock.advance(0);
  const behind = [2, 3].map((value) => accumulator.append("t", 0, [record(value)]));
  sender.requests[0]?.answer(failed(unreachable), appended(5));
  expect(await rejection(first)).toBe(unreachable);
  for (const call of behind)
    expect(await rejection(call)).toMatchObject({ code: "log_unavailable", cause: unreachable });
  expect(await other).toBe(5);
  const next = accumulator.append("t", 0, [record(4)]);
  await clock.advance(LINGER_MS);
  expect(sender.shown(1)).toEqual(["t/0: 4"]);
  sender.requests[1]?.answer(appended(6));
  expect(await next).toBe(6);
});

test("an append that can never succeed fails alone", async () => {
  const { accumulator, clock, sender } = open();
  const calls = [1, 2, 3].map((value) => accumulator.append("t", 0, [record(value)]));
  calls[1]?.catch(() => {});
  await clock.advance(0);
  sender.requests[0]?.answer(tooLarge);
  for (const outcome of [appended(0), tooLarge, appended(1)]) {
    await clock.advance(LINGER_MS);
    sender.requests.at(-1)?.answer(outcome);
  }
  expect(sender.requests.map((_, i) => sender.shown(i))).toEqual([
    ["t/0: 1 2 3"],
    ["t/0: 1"],
    ["t/0: 2"],
    ["t/0: 3"],
  ]);
  expect(await calls[0]).toBe(0);
  expect(await rejection(calls[1] as Promise<number>)).toMatchObject({ code: "record_too_large" });
  expect(await calls[2]).toBe(1);
});

test("a try that was not written is repeated with the same batch, before what came later", async () => {
  const { accumulator, clock, sender } = open();
  const first = accumulator.append("t", 0, [record(1)]);
  await clock.advance(0);
  const second = accumulator.append("t", 0, [record(2)]);
  sender.leaders.set("t/0", 2);
  sender.requests[0]?.answer(again("no"));
  await clock.advance(LINGER_MS);
  expect(sender.requests[1]?.broker).toBe(2);
  expect(sender.requests[1]?.batches[0]).toBe(sender.requests[0]?.batches[0] as never);
  sender.requests[1]?.answer(appended(0));
  expect(await first).toBe(0);
  await clock.advance(LINGER_MS);
  sender.requests[2]?.answer(appended(1));
  expect(await second).toBe(1);
});

test("an append that was sent and has no answer within appendOutcomeMs has an unknown outcome", async () => {
  const { accumulator, clock, sender, limits } = open();
  const sent = accumulator.append("t", 0, [record(1)]);
  await clock.advance(500);
  const behind = accumulator.append("t", 0, [record(2)]);
  sent.catch(() => {});
  behind.catch(() => {});
  await clock.advance(limits.appendOutcomeMs - 500);
  expect(await rejection(sent)).toMatchObject({ code: "unknown_outcome" });
  expect(await rejection(behind)).toMatchObject({ code: "log_unavailable" });
  expect(sender.abandoned).toEqual([sender.requests[0]?.batches[0] as never]);
  // The late answer is nobody's, and frees the partition.
  const next = accumulator.append("t", 0, [record(3)]);
  await clock.advance(LINGER_MS);
  expect(sender.requests).toHaveLength(1);
  sender.requests[0]?.answer(appended(0));
  await clock.advance(LINGER_MS);
  sender.requests[1]?.answer(appended(1));
  expect(await next).toBe(1);
});

test("an append that was never given to the network is certainly not written", async () => {
  const { accumulator, clock, sender, limits } = open();
  const held = accumulator.append("t", 0, [record(1)]);
  held.catch(() => {});
  await clock.advance(0);
  for (const batch of sender.requests[0]?.batches ?? []) batch.held = true;
  await clock.advance(limits.appendOutcomeMs);
  expect(await rejection(held)).toMatchObject({ code: "log_unavailable" });
});

test("tries that were not written end as log_unavailable, with the last cause", async () => {
  const { accumulator, clock, sender, limits } = open();
  const call = accumulator.append("t", 0, [record(1)]);
  call.catch(() => {});
  let answered = 0;
  for (let ms = 0; ms <= limits.appendOutcomeMs; ms += LINGER_MS) {
    for (; answered < sender.requests.length; answered++)
      sender.requests[answered]?.answer(again("no"));
    await clock.advance(LINGER_MS);
  }
  expect(await rejection(call)).toBe(unreachable);
  expect(answered).toBeGreaterThan(5);
  expect(answered).toBeLessThan(30);
});

test("a failure after a try that may have been written is an unknown outcome", async () => {
  const { accumulator, clock, sender } = open();
  const call = accumulator.append("t", 0, [record(1)]);
  call.catch(() => {});
  await clock.advance(0);
  sender.requests[0]?.answer(again("maybe"));
  await clock.advance(LINGER_MS);
  sender.requests[1]?.answer(failed(unreachable));
  await clock.advance(0);
  expect(await rejection(call)).toMatchObject({ code: "unknown_outcome", cause: unreachable });
  expect(sender.abandoned).toHaveLength(1);
});

test("a partition without an answer goes apart until it has one, and holds up no other", async () => {
  const { accumulator, clock, sender } = open();
  const stuck = accumulator.append("t", 0, [record(1)]);
  const other = accumulator.append("t", 1, [record(2)]);
  await clock.advance(0);
  sender.requests[0]?.answer(again("maybe"), appended(0));
  await other;
  await clock.advance(LINGER_MS);
  expect([sender.shown(1), sender.requests[1]?.apart]).toEqual([["t/0: 1"], true]);
  const next = accumulator.append("t", 1, [record(3)]);
  await clock.advance(LINGER_MS);
  expect([sender.shown(2), sender.requests[2]?.apart]).toEqual([["t/1: 3"], false]);
  sender.requests[2]?.answer(appended(1));
  expect(await next).toBe(1);
  sender.requests[1]?.answer(appended(0));
  await stuck;
  const well = accumulator.append("t", 0, [record(4)]);
  await clock.advance(LINGER_MS);
  expect(sender.requests[3]?.apart).toBe(false);
  sender.requests[3]?.answer(appended(1));
  expect(await well).toBe(1);
});

test("more than appendPendingBytesMax is refused as overloaded", async () => {
  const { accumulator, clock, sender, limits } = open({ appendPendingBytesMax: 450 });
  const calls = [1, 2, 3, 4].map((value) => accumulator.append("t", 0, [record(value)]));
  const refused = await rejection(accumulator.append("t", 1, [record(5)]));
  expect(refused).toMatchObject({ code: "overloaded", limit: limits.appendPendingBytesMax });
  await clock.advance(0);
  sender.requests[0]?.answer(appended(0));
  await Promise.all(calls);
  expect(accumulator.pendingBytes).toBe(0);
});

test("no append passes one that was refused as overloaded before its caller could hear, however small", async () => {
  const { accumulator, clock, sender } = open({ appendPendingBytesMax: 1_000 });
  const calls = [700, 500, 500, 1].map((length) =>
    accumulator.append("t", 0, [record("x".repeat(length))]),
  );
  const outcomes = Promise.allSettled(calls);
  await clock.advance(0);
  sender.requests[0]?.answer(appended(0));
  expect((await outcomes).map(({ status }) => status)).toEqual([
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
});

test("closing waits for every outcome and takes nothing more", async () => {
  const { accumulator, clock, sender } = open();
  const call = accumulator.append("t", 0, [record(1)]);
  await clock.advance(0);
  let closed = false;
  const closing = accumulator.close().then(() => {
    closed = true;
  });
  expect(await rejection(accumulator.append("t", 0, [record(2)]))).toMatchObject({
    code: "closed",
  });
  await clock.advance(1);
  expect(closed).toBe(false);
  sender.requests[0]?.answer(appended(0));
  expect(await call).toBe(0);
  await closing;
});
