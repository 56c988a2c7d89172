import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openSqliteMessageStore } from "../../src/adapters/sqlite/message-store.ts";
import { limitsWith } from "../../src/limits.ts";
import type { Counter, Telemetry } from "../../src/ports/telemetry.ts";
import { batchOf, placed } from "../conformance/message-store-kit.ts";
import { rejection } from "../support/rejection.ts";
import { silentTelemetry } from "../support/sqlite-store.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TOPIC = { topic: "chat.messages.acme", partition: 0 };
const PAGE_BYTES = 4_096;

/** Keeps every number by its series' name and first label. */
class RecordingTelemetry implements Telemetry {
  readonly counters = new Map<string, Counter>();
  readonly observations = new Map<string, number>();
  readonly gauges = new Map<string, () => number>();

  counter: Telemetry["counter"] = ({ name, labels }) => {
    const key = [name, ...Object.values(labels ?? {})].join(" ");
    const counter = this.counters.get(key) ?? { value: 0 };
    this.counters.set(key, counter);
    return counter;
  };
  histogram: Telemetry["histogram"] = ({ name, labels }) => {
    const key = [name, ...Object.values(labels ?? {})].join(" ");
    return {
      observe: () => {
        this.observations.set(key, (this.observations.get(key) ?? 0) + 1);
      },
    };
  };
  gauge: Telemetry["gauge"] = ({ name }, read) => {
    this.gauges.set(name, read);
  };

  readings(): void {}
  log: Telemetry["log"] = () => {};
}

test("commits, refusals, reads and checkpoints are counted", async () => {
  using folder = createTempFolder();
  const telemetry = new RecordingTelemetry();
  const store = await openSqliteMessageStore({
    folder: folder.path,
    limits: limitsWith(),
    telemetry,
    tuning: { checkpointBytes: PAGE_BYTES },
  });
  try {
    await store.acquire(TOPIC);
    for (let offset = 0; offset < 40; offset++) await store.commit(batchOf([placed(offset)]));
    await rejection(store.commit(batchOf([placed(0)])));
    await store.heads("acme", ["general"]);
    const { counters, observations, gauges } = telemetry;
    expect(counters.get("tidegate_store_events_total")?.value).toBe(40);
    expect(counters.get("tidegate_store_commit_failures_total offset_mismatch")?.value).toBe(1);
    expect(observations.get("tidegate_store_commit_duration_seconds")).toBe(40);
    expect(observations.get("tidegate_store_read_duration_seconds heads")).toBe(1);
    expect(observations.get("tidegate_store_checkpoint_duration_seconds")).toBeGreaterThan(0);
    expect(gauges.get("tidegate_store_conversation_cache_entries")?.()).toBe(1);
    expect(gauges.get("tidegate_store_reads_pending")?.()).toBe(0);
  } finally {
    await store.close();
  }
});

test("the write-ahead log stays bounded while commits and reads go on", async () => {
  using folder = createTempFolder();
  const checkpointBytes = 64 * PAGE_BYTES;
  const store = await openSqliteMessageStore({
    folder: folder.path,
    limits: limitsWith(),
    telemetry: silentTelemetry,
    tuning: { checkpointBytes },
  });
  try {
    await store.acquire(TOPIC);
    const text = "x".repeat(PAGE_BYTES);
    for (let offset = 0; offset < 1_000; offset++) {
      const event = placed(offset, { event: `{"text":"${text}"}` });
      await Promise.all([
        store.commit(batchOf([event])),
        store.heads("acme", ["general"]),
        store.window(TOPIC, Math.max(0, offset - 10)),
      ]);
    }
    // 1,000 commits of 2 pages and more: 32 times as much and more, if nothing bounded it. Between two
    // looks 8 may come, and a look that finds a reader inside has to leave the file as it is.
    const bytes = statSync(join(folder.path, "store.sqlite-wal")).size;
    expect(bytes).toBeLessThan(10 * checkpointBytes);
  } finally {
    await store.close();
  }
});

test("reads beyond the limit are refused, and the ones before are answered", async () => {
  using folder = createTempFolder();
  const store = await openSqliteMessageStore({
    folder: folder.path,
    limits: limitsWith({ storeReadsPendingMax: 3 }),
    telemetry: silentTelemetry,
  });
  try {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => store.heads("acme", ["general"])),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
      "rejected",
    ]);
    expect(outcomes[4]).toMatchObject({ reason: { code: "overloaded", retriable: true } });
    expect((await store.heads("acme", ["general"])).size).toBe(0);
  } finally {
    await store.close();
  }
});

test("a folder that cannot be made is an error at once, and leaves no thread behind", async () => {
  const error = await rejection(
    openSqliteMessageStore({
      folder: "/dev/null/store",
      limits: limitsWith(),
      telemetry: silentTelemetry,
    }),
  );
  expect(error).toMatchObject({ name: "AppError" });
});

test("a store that a newer program made is not opened", async () => {
  using folder = createTempFolder();
  const options = { folder: folder.path, limits: limitsWith(), telemetry: silentTelemetry };
  const store = await openSqliteMessageStore(options);
  await store.close();
  const { Database } = await import("bun:sqlite");
  const db = new Database(join(folder.path, "store.sqlite"));
  db.run("PRAGMA user_version = 99");
  db.close();
  expect(await rejection(openSqliteMessageStore(options))).toMatchObject({
    code: "store_unavailable",
  });
});
