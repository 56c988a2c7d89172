import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { fixtureRecord } from "../support/append-record.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { openLogFolder, readLogFolder } from "../support/log-folder.ts";
import { rejection } from "../support/rejection.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TOPIC = { name: "t", partitions: 1, retentionMs: 3_600_000 };
const PAGES_ENOUGH = 1_000_000;

/** A file system of 2 MiB in memory, or undefined when this user may not mount one. */
function mountSmallDisk(path: string): Disposable | undefined {
  mkdirSync(path);
  const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path]);
  if (!mount.success) return undefined;
  return { [Symbol.dispose]: () => void Bun.spawnSync(["umount", "-l", path]) };
}

function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  using folder = createTempFolder();
  using disk = mountSmallDisk(join(folder.path, "disk"));
  return disk !== undefined;
}

/** Some of these make a commit. */
function largeRecord(n: number): LogRecord {
  return { ...fixtureRecord(n), value: String(n).padEnd(20 * 1024) };
}

/** The offset, or what the append was refused with. */
function appendOne(log: EventLog, n: number): Promise<unknown> {
  return log.append("t", 0, [fixtureRecord(n)]).catch((error: unknown) => error);
}

describe("a full disk", () => {
  test("refuses appends as retriable and takes them again without a hole when there is space", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path);
    await log.createTopic(TOPIC);
    const handler = new CollectingHandler();
    await log.consume({ group: "g", member: "m", topics: ["t"], handler });
    await log.limitPagesForTests(20);
    const acked: number[] = [];
    let refused = 0;
    for (let n = 0; refused < 10; n++) {
      const outcome = await appendOne(log, acked.length);
      if (typeof outcome === "number") acked.push(outcome);
      else {
        refused++;
        expect(outcome).toMatchObject({ code: "disk_full", retriable: true });
      }
    }
    expect(acked.length).toBeGreaterThan(5);
    expect(await log.range("t", 0)).toEqual({ start: 0, end: acked.length });
    await log.limitPagesForTests(PAGES_ENOUGH);
    for (let n = 0; n < 20; n++)
      acked.push(await log.append("t", 0, [fixtureRecord(acked.length)]));
    expect(acked).toEqual(acked.map((_, n) => n));
    await handler.when(() => handler.count === acked.length);
    expect(handler.offsets("t", 0)).toEqual(acked);
    expect(log.stats().flushFailures).toBe(refused);
    await log.close();
    expect(await readLogFolder(folder.path)).toEqual(acked.map(fixtureRecord));
  });

  test("keeps the order of every partition whose appends are sent again in order", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path);
    await log.createTopic({ ...TOPIC, partitions: 4 });
    await log.limitPagesForTests(200);
    let refused = 0;
    // Several commits are under way, and partitions are sent again while others' still fail.
    const send = async (partition: number): Promise<void> => {
      for (let sent = 0; sent < 40;) {
        const calls = [0, 1, 2, 3].map((n) => log.append("t", partition, [largeRecord(sent + n)]));
        const taken = (await Promise.allSettled(calls)).map(({ status }) => status === "fulfilled");
        const good = taken.indexOf(false);
        if (good < 0) sent += calls.length;
        else {
          expect(taken.slice(good)).toEqual(taken.slice(good).map(() => false));
          sent += good;
          if (++refused === 30) await log.limitPagesForTests(PAGES_ENOUGH);
        }
      }
    };
    await Promise.all([0, 1, 2, 3].map(send));
    expect(refused).toBeGreaterThanOrEqual(30);
    for (let partition = 0; partition < 4; partition++) {
      const { records } = await log.read("t", partition, 0, 100);
      const numbers = records.map(({ value }) => Number.parseInt(value));
      expect(numbers.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    }
    await log.close();
  });

  // Only a user who may mount has a small disk of its own; the test above takes the same road.
  test.skipIf(!mayMount())(
    "of the real kind loses nothing that was acknowledged",
    async () => {
      using folder = createTempFolder();
      const disk = join(folder.path, "disk");
      using mounted = mountSmallDisk(disk);
      expect(mounted).toBeDefined();
      const ballast = join(disk, "ballast");
      writeFileSync(ballast, new Uint8Array(1024 * 1024));
      const log = await openLogFolder(join(disk, "log"));
      await log.createTopic(TOPIC);
      let acked = 0;
      let refused = 0;
      while (refused < 5) {
        const outcome = await appendOne(log, acked);
        if (typeof outcome === "number") expect(outcome).toBe(acked++);
        else {
          refused++;
          expect(outcome).toMatchObject({ retriable: true });
        }
      }
      expect(acked).toBeGreaterThan(10);
      writeFileSync(ballast, "");
      for (let n = 0; n < 20; n++) expect(await appendOne(log, acked)).toBe(acked++);
      await log.close();
      const records = await readLogFolder(join(disk, "log"));
      expect(records).toEqual(Array.from({ length: acked }, (_, n) => fixtureRecord(n)));
    },
    30_000,
  );
});

describe("a folder that cannot be used", () => {
  test("is named in one clear error", async () => {
    using folder = createTempFolder();
    const file = join(folder.path, "file");
    writeFileSync(file, "");
    const fault = await rejection(openLogFolder(join(file, "log")));
    expect(fault).toMatchObject({ code: "log_unavailable" });
    expect(String(fault)).toContain(
      `Cannot open the log in ${join(file, "log")}: it cannot be written`,
    );
  });

  test("is refused to a second log in the same process too, and free after the first one closed", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path);
    expect(await rejection(openLogFolder(folder.path))).toMatchObject({ code: "log_unavailable" });
    await log.createTopic(TOPIC);
    await log.append("t", 0, [fixtureRecord(0)]);
    await log.close();
    expect(await readLogFolder(folder.path)).toEqual([fixtureRecord(0)]);
  });
});

describe("segments", () => {
  test("give their disk space back when retention has passed them", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path, { limits: { segmentBytesMax: 256 * 1024 } });
    await log.createTopic({ ...TOPIC, retentionBytes: 512 * 1024 });
    const used = () =>
      readdirSync(folder.path).reduce(
        (sum, file) => sum + statSync(join(folder.path, file)).size,
        0,
      );
    let most = 0;
    for (let n = 0; n < 600; n++) {
      await log.append("t", 0, [
        fixtureRecord(n),
        ...Array.from({ length: 9 }, () => fixtureRecord(n)),
      ]);
      if (n % 50 === 0) {
        await log.retain();
        most = Math.max(most, used());
      }
    }
    const { start, end } = await log.range("t", 0);
    expect(end).toBe(6_000);
    expect(start).toBeGreaterThan(3_000);
    expect(log.stats().checkpoints).toBeGreaterThan(5);
    expect(most).toBeLessThan(4 * 1024 * 1024);
    expect(await rejection(log.read("t", 0, 0, 1))).toMatchObject({ code: "log_expired" });
    expect((await log.read("t", 0, start, 1)).records).toHaveLength(1);
    await log.close();
  });

  test("are read one after the other by a consumer from the start while more is appended", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path, {
      limits: { segmentBytesMax: 128 * 1024, readersOpenMax: 2 },
    });
    await log.createTopic(TOPIC);
    for (let n = 0; n < 300; n++) await log.append("t", 0, [fixtureRecord(n)]);
    const handler = new CollectingHandler();
    await log.consume({ group: "g", member: "m", topics: ["t"], handler });
    for (let n = 300; n < 700; n++) await log.append("t", 0, [fixtureRecord(n)]);
    await handler.when(() => handler.count === 700);
    expect(handler.values("t", 0)).toEqual(
      Array.from({ length: 700 }, (_, n) => fixtureRecord(n).value),
    );
    expect(log.stats().segments).toBeGreaterThan(3);
    await log.close();
  });
});
