import { describe, expect, test } from "bun:test";
import type { LogRecord } from "../../src/wire/record.ts";
import { rejection } from "../support/rejection.ts";
import {
  type EventLogKit,
  LARGE_CHARS,
  numbers,
  readAll,
  record,
  records,
  spec,
} from "./event-log-kit.ts";

/** Topics, appending and reading. */
export function appendSuite(kit: EventLogKit): void {
  describe(`event log (${kit.name}): topics`, () => {
    test("a topic is made once and keeps its incarnation", async () => {
      const { log } = await kit.open();
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
      const { log } = await kit.open(spec("t", 3));
      expect(await rejection(log.createTopic(spec("t", 4)))).toMatchObject({
        code: "topic_mismatch",
      });
      expect((await log.describeTopic("t"))?.partitions).toBe(3);
    });

    test("a topic that was deleted and made again is another incarnation and starts empty", async () => {
      const { log } = await kit.open();
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
      const { log } = await kit.open(spec("__proto__"), spec("constructor"));
      await log.append("__proto__", 0, [record(1, "__proto__")]);
      const { records: read } = await log.read("__proto__", 0, 0, 10);
      expect(read[0]?.key).toBe("__proto__");
      expect(await log.range("constructor", 0)).toEqual({ start: 0, end: 0 });
    });

    test("what is not there is refused", async () => {
      const { log } = await kit.open(spec("t", 2));
      const unknown = { code: "topic_unknown" };
      expect(await rejection(log.append("u", 0, records(0, 1)))).toMatchObject(unknown);
      expect(await rejection(log.append("t", 2, records(0, 1)))).toMatchObject(unknown);
      expect(await rejection(log.range("t", -1))).toMatchObject(unknown);
      expect(await rejection(log.read("u", 0, 0, 1))).toMatchObject(unknown);
      await log.deleteTopic("u");
    });
  });

  describe(`event log (${kit.name}): append and read`, () => {
    test("offsets of a call are adjacent and calls keep their order", async () => {
      const { log } = await kit.open(spec("t"));
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
      const { log } = await kit.open(spec("t", 4));
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
      const { log } = await kit.open(spec("t"));
      for (let i = 0; i < 20; i++) {
        const base = await log.append("t", 0, records(i * 2, 2));
        const batch = await log.read("t", 0, base, 10);
        expect(batch.records).toEqual(records(i * 2, 2));
      }
    });

    test("a read starts in the middle of an append and ends where it was told", async () => {
      const { log } = await kit.open(spec("t"));
      await log.append("t", 0, records(0, 10));
      await log.append("t", 0, records(10, 10));
      const batch = await log.read("t", 0, 7, 6);
      expect(batch.records).toEqual(records(7, 6));
      expect(batch.offsets).toEqual([7, 8, 9, 10, 11, 12]);
      expect(batch.nextOffset).toBe(13);
    });

    test("a read at the end is empty, one beyond it is refused", async () => {
      const { log } = await kit.open(spec("t"));
      await log.append("t", 0, records(0, 2));
      const batch = await log.read("t", 0, 2, 10);
      expect(batch).toEqual({ topic: "t", partition: 0, records: [], offsets: [], nextOffset: 2 });
      expect(await rejection(log.read("t", 0, 3, 10))).toMatchObject({ code: "log_truncated" });
    });

    test("a big append comes back whole", async () => {
      const { log } = await kit.open(spec("t"));
      const many = records(0, 5_000);
      expect(await log.append("t", 0, many)).toBe(0);
      expect(await readAll(log, "t", 0, 0)).toEqual(many);
    });

    test("an append without records is a fault of the caller", async () => {
      const { log } = await kit.open(spec("t"));
      expect(await rejection(log.append("t", 0, []))).toBeInstanceOf(RangeError);
    });

    if (kit.lacks.failingAppend === undefined) behindTest(kit);

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
      const { harness, log } = await kit.open(spec("t"));
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
      const { harness, log } = await kit.open(spec("t", 2));
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
      const { harness, log } = await kit.open(spec("t"));
      const calls = numbers(50).map((i) => log.append("t", 0, [record(i)]));
      const closed = log.close();
      expect(await Promise.all(calls)).toEqual(numbers(50));
      await Promise.all([closed, log.close()]);
      expect(await rejection(log.append("t", 0, records(0, 1)))).toMatchObject({ code: "closed" });
      const again = await harness.reopen();
      expect(await again.range("t", 0)).toEqual({ start: 0, end: 50 });
    });
  });
}

function behindTest(kit: EventLogKit): void {
  test("what waits behind a failed append fails unwritten and can be sent again in order", async () => {
    const { harness, log } = await kit.open(spec("t"));
    await log.append("t", 0, [record(0)]);
    const mend = await harness.failLargeAppend?.("t");
    // As large as makes a log flush at once, as makes it flush a second time ahead, and the rest.
    const calls = [
      [record("x".repeat(LARGE_CHARS))],
      [record("y".repeat(64 * 1024))],
      records(1, 1),
      records(2, 2),
    ];
    const refused = await Promise.all(calls.map((call) => rejection(log.append("t", 0, call))));
    for (const error of refused.slice(1)) expect(error).toMatchObject({ code: "log_unavailable" });
    expect(refused[0]).toMatchObject({ code: "disk_full" });
    expect(await log.range("t", 0)).toEqual({ start: 0, end: 1 });
    await mend?.();
    const bases = await Promise.all(calls.map((call) => log.append("t", 0, call)));
    expect(bases).toEqual([1, 2, 3, 4]);
    expect(await readAll(log, "t", 0, 0)).toEqual([record(0), ...calls.flat()]);
  });
}
