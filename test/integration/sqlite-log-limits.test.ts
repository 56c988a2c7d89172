import { describe, expect, test } from "bun:test";
import { fixtureRecord } from "../support/append-record.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { openLogFolder } from "../support/log-folder.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TOPIC = { name: "t", partitions: 1, retentionMs: 3_600_000 };

describe("the standalone log's limits", () => {
  test("appends are refused as overloaded while too much waits for the disk", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path, { limits: { appendPendingBytesMax: 10_000 } });
    await log.createTopic(TOPIC);
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        log.append("t", 0, [fixtureRecord(n)]).catch((error: { code: string }) => error.code),
      ),
    );
    const taken = outcomes.filter((outcome) => typeof outcome === "number");
    expect(taken.length).toBeGreaterThan(10);
    expect(outcomes.filter((outcome) => typeof outcome !== "number")).toEqual(
      Array.from({ length: 100 - taken.length }, () => "overloaded"),
    );
    expect(await log.append("t", 0, [fixtureRecord(0)])).toBe(taken.length);
    await log.close();
  });

  test("a commit takes no more than its size, but at least one append", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path, { limits: { commitBytesMax: 1_000 } });
    await log.createTopic(TOPIC);
    const calls = Array.from({ length: 40 }, (_, n) => log.append("t", 0, [fixtureRecord(n)]));
    expect(await Promise.all(calls)).toEqual(calls.map((_, n) => n));
    expect(log.stats().flushes).toBeGreaterThanOrEqual(20);
    await log.close();
  });

  test("a page ends at its size, after one append's records at least", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path, { limits: { readPageBytesMax: 300 } });
    await log.createTopic(TOPIC);
    for (let n = 0; n < 10; n++) await log.append("t", 0, [fixtureRecord(n), fixtureRecord(n)]);
    const page = await log.read("t", 0, 0, 100);
    expect(page.records).toEqual([fixtureRecord(0), fixtureRecord(0)]);
    expect(page.nextOffset).toBe(2);
    await log.close();
  });

  test("a consumer behind the end gets pages of a bounded number of records", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path, { limits: { readPageRecordsMax: 7 } });
    await log.createTopic(TOPIC);
    await log.append(
      "t",
      0,
      Array.from({ length: 50 }, (_, n) => fixtureRecord(n)),
    );
    const handler = new CollectingHandler();
    const sizes: number[] = [];
    handler.onRecords = (batch) => sizes.push(batch.records.length);
    await log.consume({ group: "g", member: "m", topics: ["t"], handler });
    await handler.when(() => handler.count === 50);
    expect(sizes).toEqual([7, 7, 7, 7, 7, 7, 7, 1]);
    await log.close();
  });

  test("a record that breaks its contract is refused before it reaches a file", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path);
    await log.createTopic(TOPIC);
    const broken = [
      { key: "a\tb", headers: {}, value: "" },
      { key: "a\nb", headers: {}, value: "" },
      { key: "", headers: {}, value: "1\n2" },
      { key: "", headers: { a: "b\tc" }, value: "" },
      { key: "", headers: { "a\x1fb": "c" }, value: "" },
    ];
    for (const record of broken) {
      const outcome = await log.append("t", 0, [record]).catch((error: unknown) => error);
      expect(outcome).toBeInstanceOf(TypeError);
    }
    expect(await log.range("t", 0)).toEqual({ start: 0, end: 0 });
    await log.close();
  });
});
