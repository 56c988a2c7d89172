import { describe, expect, test } from "bun:test";
import { createMemoryEventLog } from "../../../../src/adapters/memory/event-log.ts";
import type { Random } from "../../../../src/ports/random.ts";
import type { LogRecord } from "../../../../src/wire/record.ts";
import { CollectingHandler } from "../../../support/collecting-handler.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const record = (n: number): LogRecord => ({ key: "k", headers: {}, value: String(n) });
const chance = (value: number): Random => ({ next: () => value, uuidv7: () => "" });

async function openLog(random = chance(0.5)) {
  const clock = new SteppedClock();
  const log = createMemoryEventLog({ clock, random });
  await log.createTopic({ name: "t", partitions: 2, retentionMs: 1e9 });
  return { clock, log };
}

/** The outcome of a promise so far. */
function watch(promise: Promise<number>): { readonly outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: "pending" };
  promise.then(
    (offset) => (seen.outcome = offset),
    (error: { code: string }) => (seen.outcome = error.code),
  );
  return seen;
}

describe("the memory log's faults", () => {
  test("an append waits for its flush, and readers see nothing before it", async () => {
    const { clock, log } = await openLog();
    log.faults.flushDelayMs = 50;
    const append = watch(log.append("t", 0, [record(1)]));
    await clock.advance(49);
    expect([append.outcome, await log.range("t", 0)]).toEqual(["pending", { start: 0, end: 0 }]);
    await clock.advance(1);
    expect([append.outcome, await log.range("t", 0)]).toEqual([0, { start: 0, end: 1 }]);
  });

  test("a held flush goes on when it is released", async () => {
    const { clock, log } = await openLog();
    log.faults.holdFlush();
    const append = watch(log.append("t", 0, [record(1)]));
    await clock.advance(1_000);
    expect(append.outcome).toBe("pending");
    log.faults.releaseFlush();
    await clock.advance(1);
    expect(append.outcome).toBe(0);
  });

  test("a failed append is not in the log, one of unknown outcome may be", async () => {
    const { clock, log } = await openLog();
    log.faults.failNextAppend({ code: "log_unavailable", topic: "t" });
    log.faults.failNextAppend({ code: "unknown_outcome", kept: false });
    log.faults.failNextAppend({ code: "unknown_outcome", kept: true });
    const appends = [];
    for (const n of [1, 2, 3, 4]) {
      appends.push(watch(log.append("t", 0, [record(n)])));
      await clock.advance(1);
    }
    expect(appends.map((append) => append.outcome)).toEqual([
      "log_unavailable",
      "unknown_outcome",
      "unknown_outcome",
      1,
    ]);
    const { records } = await log.read("t", 0, 0, 10);
    expect(records).toEqual([record(3), record(4)]);
  });

  test.each(["unknown_outcome", "log_unavailable"] as const)(
    "an append behind one of its partition that failed (%s) fails too, one elsewhere does not",
    async (code) => {
      const { clock, log } = await openLog();
      log.faults.failNextAppend({ code, kept: true });
      const appends = [0, 1, 0].map((partition) => watch(log.append("t", partition, [record(1)])));
      await clock.advance(1);
      expect(appends.map(({ outcome }) => outcome)).toEqual([code, 0, "log_unavailable"]);
      expect((await log.range("t", 0)).end).toBe(code === "unknown_outcome" ? 1 : 0);
      const again = watch(log.append("t", 0, [record(2)]));
      await clock.advance(1);
      expect(again.outcome).toBe(code === "unknown_outcome" ? 1 : 0);
    },
  );

  test("an append that failed for good fails alone", async () => {
    const { clock, log } = await openLog();
    log.faults.failNextAppend({ code: "record_too_large" });
    const appends = [1, 2].map((n) => watch(log.append("t", 0, [record(n)])));
    await clock.advance(1);
    expect(appends.map(({ outcome }) => outcome)).toEqual(["record_too_large", 0]);
  });

  test.each([
    [0, 0],
    [0.5, 2],
    [0.99, 3],
  ])(
    "a crash keeps a first part of what was not flushed (chance %p keeps %p)",
    async (value, kept) => {
      const { clock, log } = await openLog(chance(value));
      await Promise.all([log.append("t", 0, [record(0)]), clock.advance(1)]);
      log.faults.holdFlush();
      const lost = [1, 2, 3].map((n) => watch(log.append("t", 0, [record(n)])));
      await clock.advance(1);
      log.crash();
      const again = createMemoryEventLog({ clock, random: chance(0), disk: log.disk });
      expect((await again.read("t", 0, 0, 10)).records).toEqual(
        Array.from({ length: 1 + kept }, (_, n) => record(n)),
      );
      await clock.advance(1_000);
      expect(lost.map((append) => append.outcome)).toEqual(["pending", "pending", "pending"]);
    },
  );

  test("a zombie hears nothing, owns nothing, and its partitions go to another", async () => {
    const { clock, log } = await openLog();
    const zombie = new CollectingHandler();
    const heir = new CollectingHandler();
    const join = (member: string, handler: CollectingHandler) =>
      log.consume({ group: "g", member, topics: ["t"], handler });
    const consumer = await join("zombie", zombie);
    await clock.advance(1);
    expect(zombie.owned.size).toBe(2);
    log.expireMember("g", "zombie", false);
    const beat = consumer.lastHeartbeat();
    await join("heir", heir);
    const append = watch(log.append("t", 0, [record(1)]));
    await clock.advance(10);
    expect(append.outcome).toBe(0);
    expect([zombie.count, heir.count, heir.owned.size]).toEqual([0, 1, 2]);
    expect(zombie.calls).toEqual(["assigned t/0", "assigned t/1"]);
    expect(await consumer.owns("t", 0)).toBe(false);
    expect(consumer.lastHeartbeat()).toBe(beat);
  });

  test("a member whose session ended is told that its partitions are lost", async () => {
    const { clock, log } = await openLog();
    const handler = new CollectingHandler();
    await log.consume({ group: "g", member: "m", topics: ["t"], handler });
    await clock.advance(1);
    log.expireMember("g", "m", true);
    expect(handler.calls.slice(2)).toEqual(["lost t/0", "lost t/1"]);
  });

  test("a member that comes back under its name takes its predecessor's place", async () => {
    const { clock, log } = await openLog();
    const first = new CollectingHandler();
    const second = new CollectingHandler();
    const options = { group: "g", member: "m", topics: ["t"] };
    await log.consume({ ...options, handler: first });
    await clock.advance(1);
    await log.consume({ ...options, handler: second });
    await clock.advance(1);
    expect([first.owned.size, second.owned.size]).toEqual([0, 2]);
  });
});
