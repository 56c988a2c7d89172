import { describe, expect, test } from "bun:test";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { rejection } from "../support/rejection.ts";
import { type EventLogKit, HOUR_MS, readAll, record, records, spec } from "./event-log-kit.ts";

/** What goes from the front, and how readers learn of it. */
export function retentionSuite(kit: EventLogKit): void {
  describe(`event log (${kit.name}): retention`, () => {
    test("old records go from the front, and reading them says so", async () => {
      const { harness, log } = await kit.open(spec("t", 1, HOUR_MS));
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

    if (kit.lacks.sizeRetention === undefined) sizeTest(kit);

    test("one topic's retention does not touch another's records", async () => {
      const { harness, log } = await kit.open(
        spec("short", 1, HOUR_MS),
        spec("long", 1, 99 * HOUR_MS),
      );
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
      const { harness, log } = await kit.open(spec("t", 1, HOUR_MS));
      await log.append("t", 0, records(0, 10));
      await harness.ageBy(2 * HOUR_MS);
      await log.append("t", 0, records(10, 1));
      await harness.ageBy(0);
      const handler = new CollectingHandler();
      await kit.join(log, handler, ["t"]);
      await handler.when(() => handler.failures.length > 0);
      expect(handler.failures[0]).toMatchObject({ partition: 0, error: { code: "log_expired" } });
      expect(handler.count).toBe(0);
    });
  });
}

function sizeTest(kit: EventLogKit): void {
  test("a topic's size is bounded from the front", async () => {
    const { harness, log } = await kit.open({ ...spec("t"), retentionBytes: 8_000 });
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
}
