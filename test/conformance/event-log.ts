import { afterEach, describe, expect, test } from "bun:test";
import type { Consumer, EventLog } from "../../src/ports/event-log.ts";
import type { TopicSpec } from "../../src/topics.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { rejection } from "../support/rejection.ts";

/** A log to be tested, and what tests need to do to it from outside. */
export interface EventLogHarness {
  readonly log: EventLog;
  /** Closes the log and opens it again on what it kept. */
  reopen(): Promise<EventLog>;
  /** Lets records grow older by this time and applies retention. */
  ageBy(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

const HOUR_MS = 3_600_000;

function spec(name: string, partitions = 1, retentionMs = HOUR_MS): TopicSpec {
  return { name, partitions, retentionMs };
}

function record(value: unknown, key = "general"): LogRecord {
  return { key, headers: { tidegate: "1 1 abc", other: "x y" }, value: JSON.stringify(value) };
}

function records(from: number, count: number): LogRecord[] {
  return Array.from({ length: count }, (_, i) => record(from + i));
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Page by page to the end; a page may be smaller than asked for, but not empty before the end. */
async function readAll(
  log: EventLog,
  topic: string,
  partition: number,
  from: number,
): Promise<readonly LogRecord[]> {
  const { end } = await log.range(topic, partition);
  const read: LogRecord[] = [];
  for (let at = from; at < end;) {
    const batch = await log.read(topic, partition, at, 1_500);
    expect(batch.records.length).toBeGreaterThan(0);
    expect(batch.records.length).toBeLessThanOrEqual(1_500);
    read.push(...batch.records);
    at = batch.nextOffset;
  }
  return read;
}

/** The MUSTs of the port, one test each; every adapter runs them. */
export function eventLogSuite(name: string, factory: () => Promise<EventLogHarness>): void {
  const harnesses: EventLogHarness[] = [];
  const consumers: Consumer[] = [];

  async function open(...specs: TopicSpec[]): Promise<{ harness: EventLogHarness; log: EventLog }> {
    const harness = await factory();
    harnesses.push(harness);
    for (const topic of specs) await harness.log.createTopic(topic);
    return { harness, log: harness.log };
  }

  async function join(
    log: EventLog,
    handler: CollectingHandler,
    topics: readonly string[],
    member = "m1",
    group = "g",
  ): Promise<Consumer> {
    const consumer = await log.consume({ group, member, topics, handler });
    consumers.push(consumer);
    return consumer;
  }

  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
    await Promise.all(harnesses.splice(0).map((harness) => harness.dispose()));
  });

  describe(`event log (${name}): topics`, () => {
    test("a topic is made once and keeps its incarnation", async () => {
      const { log } = await open();
      const [first, second] = await Promise.all([
        log.createTopic(spec("t", 3)),
        log.createTopic(spec("t", 3)),
      ]);
      expect(first).toEqual(second);
      expect([first.name, first.partitions]).toEqual(["t", 3]);
      expect(first.incarnation).toMatch(/^[a-z0-9]+$/);
      expect(await log.describeTopic("t")).toEqual(first);
      expect(await log.topics()).toEqual([first]);
      expect(await log.describeTopic("other")).toBeUndefined();
    });

    test("another partition count is refused", async () => {
      const { log } = await open(spec("t", 3));
      expect(await rejection(log.createTopic(spec("t", 4)))).toMatchObject({
        code: "topic_mismatch",
      });
      expect((await log.describeTopic("t"))?.partitions).toBe(3);
    });

    test("a topic that was deleted and made again is another incarnation and starts empty", async () => {
      const { log } = await open();
      const first = await log.createTopic(spec("t"));
      await log.append("t", 0, records(0, 3));
      await log.deleteTopic("t");
      expect(await log.describeTopic("t")).toBeUndefined();
      expect(await rejection(log.append("t", 0, records(0, 1)))).toMatchObject({
        code: "topic_unknown",
      });
      const second = await log.createTopic(spec("t"));
      expect(second.incarnation).not.toBe(first.incarnation);
      expect(await log.range("t", 0)).toEqual({ start: 0, end: 0 });
      expect(await log.append("t", 0, records(7, 1))).toBe(0);
      expect((await log.read("t", 0, 0, 10)).records).toEqual(records(7, 1));
    });

    test("names that are special in JavaScript are names like any other", async () => {
      const { log } = await open(spec("__proto__"), spec("constructor"));
      await log.append("__proto__", 0, [record(1, "__proto__")]);
      const { records: read } = await log.read("__proto__", 0, 0, 10);
      expect(read[0]?.key).toBe("__proto__");
      expect(await log.range("constructor", 0)).toEqual({ start: 0, end: 0 });
    });

    test("what is not there is refused", async () => {
      const { log } = await open(spec("t", 2));
      const unknown = { code: "topic_unknown" };
      expect(await rejection(log.append("u", 0, records(0, 1)))).toMatchObject(unknown);
      expect(await rejection(log.append("t", 2, records(0, 1)))).toMatchObject(unknown);
      expect(await rejection(log.range("t", -1))).toMatchObject(unknown);
      expect(await rejection(log.read("u", 0, 0, 1))).toMatchObject(unknown);
      await log.deleteTopic("u");
    });
  });

  describe(`event log (${name}): append and read`, () => {
    test("offsets of a call are adjacent and calls keep their order", async () => {
      const { log } = await open(spec("t"));
      const calls = [3, 1, 5, 2, 4].map((count, i) => log.append("t", 0, records(i * 10, count)));
      expect(await Promise.all(calls)).toEqual([0, 3, 4, 9, 11]);
      expect(await log.range("t", 0)).toEqual({ start: 0, end: 15 });
      const batch = await log.read("t", 0, 0, 100);
      expect(batch.records.map((r) => Number(r.value))).toEqual([
        0, 1, 2, 10, 20, 21, 22, 23, 24, 30, 31, 40, 41, 42, 43,
      ]);
      expect(batch.offsets).toEqual(numbers(15));
      expect(batch.nextOffset).toBe(15);
    });

    test("many concurrent appends to many partitions keep each partition's order", async () => {
      const { log } = await open(spec("t", 4));
      const calls: Promise<number>[] = [];
      for (let i = 0; i < 2_000; i++) {
        calls.push(log.append("t", i % 4, [record(i)]));
        // Some wait, so that flushes and appends interleave in many ways.
        if (i % 97 === 0) await calls.at(-1);
      }
      const bases = await Promise.all(calls);
      for (let partition = 0; partition < 4; partition++) {
        const mine = numbers(2_000).filter((i) => i % 4 === partition);
        expect(mine.map((i) => bases[i])).toEqual(numbers(500));
        const { records: read } = await log.read("t", partition, 0, 1_000);
        expect(read.map((r) => Number(r.value))).toEqual(mine);
      }
    });

    test("an append can be read as soon as it resolved", async () => {
      const { log } = await open(spec("t"));
      for (let i = 0; i < 20; i++) {
        const base = await log.append("t", 0, records(i * 2, 2));
        const batch = await log.read("t", 0, base, 10);
        expect(batch.records).toEqual(records(i * 2, 2));
      }
    });

    test("a read starts in the middle of an append and ends where it was told", async () => {
      const { log } = await open(spec("t"));
      await log.append("t", 0, records(0, 10));
      await log.append("t", 0, records(10, 10));
      const batch = await log.read("t", 0, 7, 6);
      expect(batch.records).toEqual(records(7, 6));
      expect(batch.offsets).toEqual([7, 8, 9, 10, 11, 12]);
      expect(batch.nextOffset).toBe(13);
    });

    test("a read at the end is empty, one beyond it is refused", async () => {
      const { log } = await open(spec("t"));
      await log.append("t", 0, records(0, 2));
      const batch = await log.read("t", 0, 2, 10);
      expect(batch).toEqual({ topic: "t", partition: 0, records: [], offsets: [], nextOffset: 2 });
      expect(await rejection(log.read("t", 0, 3, 10))).toMatchObject({ code: "log_truncated" });
    });

    test("a big append comes back whole", async () => {
      const { log } = await open(spec("t"));
      const many = records(0, 5_000);
      expect(await log.append("t", 0, many)).toBe(0);
      expect(await readAll(log, "t", 0, 0)).toEqual(many);
    });

    test("an append without records is a fault of the caller", async () => {
      const { log } = await open(spec("t"));
      expect(await rejection(log.append("t", 0, []))).toBeInstanceOf(RangeError);
    });

    const values: readonly (readonly [string, string])[] = [
      [
        "separators and emoji",
        JSON.stringify("a\u2028b\u2029c 😀 é 日本 \u{1f468}\u200d\u{1f469}"),
      ],
      ["escapes", JSON.stringify('\0\b\f\n\r\t\u001f\u007f"\\/')],
      ["lone surrogates, escaped", JSON.stringify("\ud800 \udfff")],
      ["raw delete and next-line", `"\u007f\u0085\ufeff\ufffe"`],
      ["tabs between tokens", `{\t"a":\t1,\t"b":\t"\\t"}`],
      ["64 KiB", JSON.stringify("ü".repeat(32 * 1024))],
      ["nothing at all", ""],
    ];
    test.each(values)("a value comes back to the byte: %s", async (_, value) => {
      const { harness, log } = await open(spec("t"));
      const sent: LogRecord[] = [
        { key: "", headers: {}, value },
        { key: "räum 😀 \u2028", headers: { tidegate: '1 1 a=b;c,d|e\\ "~', n: "" }, value },
      ];
      await log.append("t", 0, sent);
      expect((await log.read("t", 0, 0, 10)).records).toEqual(sent);
      const again = await harness.reopen();
      expect((await again.read("t", 0, 0, 10)).records).toEqual(sent);
    });

    test("everything acknowledged is there after closing and opening again", async () => {
      const { harness, log } = await open(spec("t", 2));
      const info = await log.describeTopic("t");
      await log.append("t", 0, records(0, 50));
      await log.append("t", 1, records(100, 5));
      const again = await harness.reopen();
      expect(await again.describeTopic("t")).toEqual(info);
      expect(await again.range("t", 0)).toEqual({ start: 0, end: 50 });
      expect(await again.append("t", 0, records(50, 1))).toBe(50);
      expect((await again.read("t", 0, 0, 100)).records).toEqual(records(0, 51));
      expect((await again.read("t", 1, 0, 100)).records).toEqual(records(100, 5));
    });

    test("closing settles what is in flight", async () => {
      const { harness, log } = await open(spec("t"));
      const calls = numbers(50).map((i) => log.append("t", 0, [record(i)]));
      const closed = log.close();
      expect(await Promise.all(calls)).toEqual(numbers(50));
      await Promise.all([closed, log.close()]);
      expect(await rejection(log.append("t", 0, records(0, 1)))).toMatchObject({ code: "closed" });
      const again = await harness.reopen();
      expect(await again.range("t", 0)).toEqual({ start: 0, end: 50 });
    });
  });

  describe(`event log (${name}): retention`, () => {
    test("old records go from the front, and reading them says so", async () => {
      const { harness, log } = await open(spec("t", 1, HOUR_MS));
      await log.append("t", 0, records(0, 10));
      await harness.ageBy(2 * HOUR_MS);
      await log.append("t", 0, records(10, 10));
      await harness.ageBy(0);
      expect(await log.range("t", 0)).toEqual({ start: 10, end: 20 });
      expect(await rejection(log.read("t", 0, 9, 10))).toMatchObject({ code: "log_expired" });
      expect((await log.read("t", 0, 10, 100)).records).toEqual(records(10, 10));
      const again = await harness.reopen();
      expect(await again.range("t", 0)).toEqual({ start: 10, end: 20 });
      expect(await again.append("t", 0, records(20, 1))).toBe(20);
    });

    test("a topic's size is bounded from the front", async () => {
      const { harness, log } = await open({ ...spec("t"), retentionBytes: 8_000 });
      for (let i = 0; i < 8; i++) {
        await log.append("t", 0, [record("x".repeat(2_000))]);
        await harness.ageBy(0);
      }
      const { start, end } = await log.range("t", 0);
      expect(end).toBe(8);
      expect(start).toBeGreaterThanOrEqual(3);
      expect(start).toBeLessThanOrEqual(4);
      expect(await readAll(log, "t", 0, start)).toHaveLength(end - start);
    });

    test("one topic's retention does not touch another's records", async () => {
      const { harness, log } = await open(spec("short", 1, HOUR_MS), spec("long", 1, 99 * HOUR_MS));
      await log.append("short", 0, records(0, 3));
      await log.append("long", 0, records(0, 3));
      await harness.ageBy(2 * HOUR_MS);
      await log.append("short", 0, records(3, 1));
      await harness.ageBy(0);
      expect(await log.range("short", 0)).toEqual({ start: 3, end: 4 });
      expect(await log.range("long", 0)).toEqual({ start: 0, end: 3 });
      expect((await log.read("long", 0, 0, 10)).records).toEqual(records(0, 3));
    });

    test("a consumer whose position expired is told and gets nothing wrong", async () => {
      const { harness, log } = await open(spec("t", 1, HOUR_MS));
      await log.append("t", 0, records(0, 10));
      await harness.ageBy(2 * HOUR_MS);
      await log.append("t", 0, records(10, 1));
      await harness.ageBy(0);
      const handler = new CollectingHandler();
      await join(log, handler, ["t"]);
      await handler.when(() => handler.failures.length > 0);
      expect(handler.failures[0]).toMatchObject({ partition: 0, error: { code: "log_expired" } });
      expect(handler.count).toBe(0);
    });
  });

  describe(`event log (${name}): consuming`, () => {
    test("records come from the given position, in order, old and new without a seam", async () => {
      const { log } = await open(spec("t"));
      await log.append("t", 0, records(0, 100));
      const handler = new CollectingHandler();
      handler.startAt = () => Promise.resolve(40);
      await join(log, handler, ["t"]);
      for (let i = 100; i < 300; i += 10) await log.append("t", 0, records(i, 10));
      await handler.when(() => handler.count >= 260);
      expect(handler.offsets("t", 0)).toEqual(numbers(300).slice(40));
      expect(handler.values("t", 0)).toEqual(numbers(300).slice(40).map(String));
      expect(handler.calls).toEqual(["assigned t/0"]);
    });

    test("a consumer never sees a record before its append resolved durable", async () => {
      const { log } = await open(spec("t"));
      const handler = new CollectingHandler();
      let ends: Promise<boolean>[] = [];
      handler.onRecords = (batch) => {
        ends.push(log.range("t", 0).then(({ end }) => end >= batch.nextOffset));
      };
      await join(log, handler, ["t"]);
      await Promise.all(numbers(100).map((i) => log.append("t", 0, [record(i)])));
      await handler.when(() => handler.count === 100);
      expect(await Promise.all(ends)).not.toContain(false);
      ends = [];
    });

    test("no record comes before `assigned` resolved, and none for a partition whose assignment failed", async () => {
      const { log } = await open(spec("t", 2));
      const handler = new CollectingHandler();
      const gate = Promise.withResolvers<void>();
      handler.startAt = async (_, partition) => {
        if (partition === 1) throw new Error("no state for 1");
        await gate.promise;
        return 0;
      };
      await join(log, handler, ["t"]);
      await handler.when(() => handler.failures.length === 1);
      await log.append("t", 0, records(0, 3));
      await log.append("t", 1, records(0, 3));
      expect(handler.count).toBe(0);
      gate.resolve();
      await handler.when(() => handler.count === 3);
      expect(handler.offsets("t", 0)).toEqual([0, 1, 2]);
      expect(handler.offsets("t", 1)).toEqual([]);
      expect(handler.failures[0]).toMatchObject({ topic: "t", partition: 1 });
    });

    test("a paused partition waits while others go on, and misses nothing", async () => {
      const { log } = await open(spec("t", 2));
      const handler = new CollectingHandler();
      const consumer = await join(log, handler, ["t"]);
      await handler.when(() => handler.owned.size === 2);
      let stop = true;
      handler.onRecords = (batch) => {
        if (stop && batch.partition === 0) consumer.pause("t", 0);
      };
      await log.append("t", 0, records(0, 1));
      await handler.when(() => handler.count === 1);
      for (let i = 0; i < 50; i++) {
        await log.append("t", 0, records(1 + i, 1));
        await log.append("t", 1, records(i, 1));
      }
      await handler.when(() => handler.offsets("t", 1).length === 50);
      expect(handler.offsets("t", 0)).toEqual([0]);
      stop = false;
      const more = numbers(20).map((i) => log.append("t", 0, records(51 + i, 1)));
      consumer.resume("t", 0);
      consumer.resume("t", 0);
      await Promise.all(more);
      await handler.when(() => handler.offsets("t", 0).length >= 71);
      expect(handler.values("t", 0)).toEqual(numbers(71).map(String));
    });

    test("a consumer that pauses at every call loses and repeats nothing under live appends", async () => {
      const { log } = await open(spec("t"));
      const handler = new CollectingHandler();
      const consumer = await join(log, handler, ["t"]);
      handler.onRecords = () => {
        consumer.pause("t", 0);
        setImmediate(() => consumer.resume("t", 0));
      };
      for (let i = 0; i < 300; i++) {
        const call = log.append("t", 0, records(i * 3, 3));
        if (i % 7 === 0) await call;
      }
      await handler.when(() => handler.count >= 900);
      expect(handler.offsets("t", 0)).toEqual(numbers(900));
      expect(handler.values("t", 0)).toEqual(numbers(900).map(String));
    });

    test("restart asks for the position again and drops what was on its way", async () => {
      const { log } = await open(spec("t"));
      await log.append("t", 0, records(0, 10));
      const handler = new CollectingHandler();
      const consumer = await join(log, handler, ["t"]);
      await handler.when(() => handler.count === 10);
      handler.startAt = () => Promise.resolve(5);
      consumer.restart("t", 0);
      await log.append("t", 0, records(10, 1));
      await handler.when(() => handler.count >= 16);
      expect(handler.offsets("t", 0)).toEqual([...numbers(10), 5, 6, 7, 8, 9, 10]);
      expect(handler.calls).toEqual(["assigned t/0", "assigned t/0"]);
    });

    test("a position beyond the end fails instead of being reset", async () => {
      const { log } = await open(spec("t"));
      const handler = new CollectingHandler();
      handler.startAt = () => Promise.resolve(5);
      await join(log, handler, ["t"]);
      await handler.when(() => handler.failures.length > 0);
      expect(handler.failures[0]?.error).toMatchObject({ code: "log_truncated" });
      await log.append("t", 0, records(0, 10));
      expect(handler.count).toBe(0);
    });

    test("every group reads everything", async () => {
      const { log } = await open(spec("t"));
      const first = new CollectingHandler();
      const second = new CollectingHandler();
      await join(log, first, ["t"], "m", "one");
      await join(log, second, ["t"], "m", "two");
      await log.append("t", 0, records(0, 5));
      await Promise.all([first, second].map((h) => h.when(() => h.count === 5)));
      expect(first.offsets("t", 0)).toEqual(numbers(5));
      expect(second.offsets("t", 0)).toEqual(numbers(5));
    });

    test("committed offsets are kept for each group, over a restart too", async () => {
      const { harness, log } = await open(spec("t", 2));
      const handler = new CollectingHandler();
      const consumer = await join(log, handler, ["t"]);
      expect(await log.committed("g", "t", 0)).toBeUndefined();
      await consumer.commit("t", 0, 5);
      await consumer.commit("t", 0, 7);
      expect(await log.committed("g", "t", 0)).toBe(7);
      expect(await log.committed("other", "t", 0)).toBeUndefined();
      const again = await harness.reopen();
      expect(await again.committed("g", "t", 0)).toBe(7);
      expect(await again.committed("g", "t", 1)).toBeUndefined();
    });
  });

  describe(`event log (${name}): groups`, () => {
    test("two members share a topic's partitions, none owned twice, and a move revokes first", async () => {
      const { log } = await open(spec("t", 8));
      const first = new CollectingHandler();
      const second = new CollectingHandler();
      const order: string[] = [];
      const released = Promise.withResolvers<void>();
      first.onRevoked = async () => {
        await released.promise;
        order.push("revoked");
      };
      second.startAt = () => {
        order.push("assigned");
        return Promise.resolve(0);
      };
      const one = await join(log, first, ["t"], "m1");
      await first.when(() => first.owned.size === 8);
      const two = await join(log, second, ["t"], "m2");
      await first.when(() => first.calls.filter((call) => call.startsWith("revoked")).length === 4);
      expect(order).toEqual([]);
      released.resolve();
      await second.when(() => second.owned.size === 4);
      expect(order.slice(0, 1)).toEqual(["revoked"]);
      expect(first.owned.size).toBe(4);
      for (let partition = 0; partition < 8; partition++) {
        const owners = await Promise.all([one.owns("t", partition), two.owns("t", partition)]);
        expect(owners.filter(Boolean)).toHaveLength(1);
        expect(owners[0]).toBe(first.owned.has(`t/${partition}`));
      }
    });

    test("no record comes after `revoked` was called, and the next owner goes on from there", async () => {
      const { log } = await open(spec("t", 4));
      const first = new CollectingHandler();
      const one = await join(log, first, ["t"], "m1");
      await first.when(() => first.owned.size === 4);
      let appending = true;
      const appends = (async () => {
        for (let i = 0; appending; i++)
          await Promise.all(numbers(4).map((partition) => log.append("t", partition, [record(i)])));
      })();
      await first.when(() => first.count > 100);
      const atRevoke = new Map<string, number>();
      const revoked = first.revoked.bind(first);
      first.revoked = (topic, partition) => {
        atRevoke.set(`${topic}/${partition}`, first.offsets(topic, partition).length);
        return revoked(topic, partition);
      };
      const second = new CollectingHandler();
      second.startAt = async (_, partition) => first.offsets("t", partition).length;
      await join(log, second, ["t"], "m2");
      await second.when(() => second.owned.size === 2 && second.count > 100);
      await one.close();
      await second.when(() => second.owned.size === 4);
      appending = false;
      await appends;
      const { end } = await log.range("t", 0);
      await second.when(() => numbers(4).every((p) => second.offsets("t", p).at(-1) === end - 1));
      for (let partition = 0; partition < 4; partition++) {
        const seen = first.offsets("t", partition);
        expect(seen.length).toBe(atRevoke.get(`t/${partition}`) ?? -1);
        expect([...seen, ...second.offsets("t", partition)]).toEqual(numbers(end));
      }
      expect(first.calls.filter((call) => call.startsWith("stray"))).toEqual([]);
      expect(second.calls.filter((call) => call.startsWith("stray"))).toEqual([]);
    });

    test("a member that hangs in `revoked` holds up only its own partition", async () => {
      const { log } = await open(spec("t", 4));
      const first = new CollectingHandler();
      await join(log, first, ["t"], "m1");
      await first.when(() => first.owned.size === 4);
      const gate = Promise.withResolvers<void>();
      let calls = 0;
      first.onRevoked = () => (calls++ === 0 ? gate.promise : Promise.resolve());
      const second = new CollectingHandler();
      await join(log, second, ["t"], "m2");
      await second.when(() => second.owned.size === 1);
      gate.resolve();
      await second.when(() => second.owned.size === 2);
    });

    test("topics are added and taken away while the consumer runs", async () => {
      const { log } = await open(spec("a"), spec("b"));
      const handler = new CollectingHandler();
      const consumer = await join(log, handler, ["a"]);
      await handler.when(() => handler.owned.has("a/0"));
      await consumer.setTopics(["b", "later"]);
      await handler.when(() => handler.owned.has("b/0") && !handler.owned.has("a/0"));
      expect(handler.calls).toContain("revoked a/0");
      await log.createTopic(spec("later"));
      await handler.when(() => handler.owned.has("later/0"));
      await log.append("a", 0, records(0, 1));
      await log.append("later", 0, records(0, 2));
      await handler.when(() => handler.count === 2);
      expect(handler.offsets("a", 0)).toEqual([]);
    });

    test("a deleted topic's partitions are lost, and its successor is assigned anew", async () => {
      const { log } = await open();
      const first = await log.createTopic(spec("t"));
      const handler = new CollectingHandler();
      const incarnations: string[] = [];
      handler.startAt = (topic) => {
        incarnations.push(topic.incarnation);
        return Promise.resolve(0);
      };
      await join(log, handler, ["t"]);
      await handler.when(() => handler.owned.has("t/0"));
      await log.deleteTopic("t");
      await handler.when(() => !handler.owned.has("t/0"));
      const second = await log.createTopic(spec("t"));
      await handler.when(() => handler.owned.has("t/0"));
      expect(handler.calls).toEqual(["assigned t/0", "lost t/0", "assigned t/0"]);
      expect(incarnations).toEqual([first.incarnation, second.incarnation]);
    });

    test("closing revokes everything, once, and the member owns nothing after it", async () => {
      const { log } = await open(spec("t", 3));
      const handler = new CollectingHandler();
      const consumer = await join(log, handler, ["t"]);
      await handler.when(() => handler.owned.size === 3);
      const before = consumer.lastHeartbeat();
      await Promise.all([consumer.close(), consumer.close()]);
      await consumer.close();
      expect(handler.calls.filter((call) => call.startsWith("revoked")).sort()).toEqual([
        "revoked t/0",
        "revoked t/1",
        "revoked t/2",
      ]);
      expect(handler.owned.size).toBe(0);
      expect(await consumer.owns("t", 0)).toBe(false);
      expect(consumer.lastHeartbeat()).toBeGreaterThanOrEqual(before);
      await log.append("t", 0, records(0, 1));
      expect(handler.count).toBe(0);
    });

    test("closing the log revokes its consumers' partitions first", async () => {
      const { log } = await open(spec("t"));
      const handler = new CollectingHandler();
      await join(log, handler, ["t"]);
      await handler.when(() => handler.owned.size === 1);
      let base: number | undefined;
      // A worker may still append while it lets go, for its dead letters.
      handler.onRevoked = async () => {
        base = await log.append("t", 0, records(0, 1));
      };
      await log.close();
      expect(base).toBe(0);
      expect(handler.calls).toEqual(["assigned t/0", "revoked t/0"]);
    });
  });
}
