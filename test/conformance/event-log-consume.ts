import { describe, expect, test } from "bun:test";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { type EventLogKit, numbers, record, records, spec } from "./event-log-kit.ts";

/** Positions, pauses and the seam between old and new records. */
export function consumeSuite(kit: EventLogKit): void {
  describe(`event log (${kit.name}): consuming`, () => {
    test("records come from the given position, in order, old and new without a seam", async () => {
      const { log } = await kit.open(spec("t"));
      await log.append("t", 0, records(0, 100));
      const handler = new CollectingHandler();
      handler.startAt = () => Promise.resolve(40);
      await kit.join(log, handler, ["t"]);
      for (let i = 100; i < 300; i += 10) await log.append("t", 0, records(i, 10));
      await handler.when(() => handler.count >= 260);
      expect(handler.offsets("t", 0)).toEqual(numbers(300).slice(40));
      expect(handler.values("t", 0)).toEqual(numbers(300).slice(40).map(String));
      expect(handler.calls).toEqual(["assigned t/0"]);
    });

    test("a consumer never sees a record before its append resolved durable", async () => {
      const { log } = await kit.open(spec("t"));
      const handler = new CollectingHandler();
      let ends: Promise<boolean>[] = [];
      handler.onRecords = (batch) => {
        ends.push(log.range("t", 0).then(({ end }) => end >= batch.nextOffset));
      };
      await kit.join(log, handler, ["t"]);
      await Promise.all(numbers(100).map((i) => log.append("t", 0, [record(i)])));
      await handler.when(() => handler.count === 100);
      expect(await Promise.all(ends)).not.toContain(false);
      ends = [];
    });

    test("no record comes before `assigned` resolved, and none for a partition whose assignment failed", async () => {
      const { log } = await kit.open(spec("t", 2));
      const handler = new CollectingHandler();
      const gate = Promise.withResolvers<void>();
      handler.startAt = async (_, partition) => {
        if (partition === 1) throw new Error("no state for 1");
        await gate.promise;
        return 0;
      };
      await kit.join(log, handler, ["t"]);
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
      const { log } = await kit.open(spec("t", 2));
      const handler = new CollectingHandler();
      const consumer = await kit.join(log, handler, ["t"]);
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
      const { log } = await kit.open(spec("t"));
      const handler = new CollectingHandler();
      const consumer = await kit.join(log, handler, ["t"]);
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
      const { log } = await kit.open(spec("t"));
      await log.append("t", 0, records(0, 10));
      const handler = new CollectingHandler();
      const consumer = await kit.join(log, handler, ["t"]);
      await handler.when(() => handler.count === 10);
      handler.startAt = () => Promise.resolve(5);
      consumer.restart("t", 0);
      await log.append("t", 0, records(10, 1));
      await handler.when(() => handler.count >= 16);
      expect(handler.offsets("t", 0)).toEqual([...numbers(10), 5, 6, 7, 8, 9, 10]);
      expect(handler.calls).toEqual(["assigned t/0", "assigned t/0"]);
    });

    test("a position beyond the end fails instead of being reset", async () => {
      const { log } = await kit.open(spec("t"));
      const handler = new CollectingHandler();
      handler.startAt = () => Promise.resolve(5);
      await kit.join(log, handler, ["t"]);
      await handler.when(() => handler.failures.length > 0);
      expect(handler.failures[0]?.error).toMatchObject({ code: "log_truncated" });
      await log.append("t", 0, records(0, 10));
      expect(handler.count).toBe(0);
    });

    test("every group reads everything", async () => {
      const { log } = await kit.open(spec("t"));
      const first = new CollectingHandler();
      const second = new CollectingHandler();
      await kit.join(log, first, ["t"], "m", "one");
      await kit.join(log, second, ["t"], "m", "two");
      await log.append("t", 0, records(0, 5));
      await Promise.all([first, second].map((h) => h.when(() => h.count === 5)));
      expect(first.offsets("t", 0)).toEqual(numbers(5));
      expect(second.offsets("t", 0)).toEqual(numbers(5));
    });

    test("committed offsets are kept for each group, over a restart too", async () => {
      const { harness, log } = await kit.open(spec("t", 2));
      const handler = new CollectingHandler();
      const consumer = await kit.join(log, handler, ["t"]);
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
}
