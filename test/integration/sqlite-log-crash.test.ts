import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fixtureRecord } from "../support/append-record.ts";
import { openLogFolder, readLogFolder } from "../support/log-folder.ts";
import { ackedOffsets, startProgram } from "../support/program.ts";
import { rejection } from "../support/rejection.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const SMALL_SEGMENTS = JSON.stringify({ limits: { segmentBytesMax: 64 * 1024 } });
const ONE_SEGMENT = "00000001.log-wal";

/** A folder as a killed process left it, with `records` acknowledged ones. */
async function killedFolder(folder: string, records: number): Promise<void> {
  await using program = startProgram("append-fixture.ts", [
    folder,
    String(records),
    JSON.stringify({ leaveOpen: true }),
  ]);
  await program.ended;
  expect(ackedOffsets(program.lines)).toHaveLength(records);
  expect(existsSync(join(folder, ONE_SEGMENT))).toBe(true);
}

/** Whether these are records 0, 1, 2 … as they were written. */
function expectPrefix(records: readonly unknown[]): void {
  expect(records).toEqual(records.map((_, n) => fixtureRecord(n)));
}

function garble(file: string, from: number, length: number): void {
  const bytes = readFileSync(file);
  for (let at = from; at < Math.min(from + length, bytes.length); at++)
    bytes[at] = bytes[at]! ^ 0x5a;
  writeFileSync(file, bytes);
}

describe("a process that is killed", () => {
  test("loses nothing that it acknowledged, however often, through changes of segments", async () => {
    using folder = createTempFolder();
    let acked = 0;
    for (let round = 0; round < 6; round++) {
      await using program = startProgram("append-fixture.ts", [folder.path, "0", SMALL_SEGMENTS]);
      await program.when(() => ackedOffsets(program.lines).length > 40 + round * 57);
      program.kill("SIGKILL");
      await program.ended;
      acked = Math.max(acked, ...ackedOffsets(program.lines));
      const records = await readLogFolder(folder.path);
      expect(records.length).toBeGreaterThan(acked);
      expectPrefix(records);
    }
    expect(readdirSync(folder.path).filter((file) => file.endsWith(".log")).length).toBeGreaterThan(
      3,
    );
  }, 60_000);

  test("frees the folder at once for the next one", async () => {
    using folder = createTempFolder();
    await using program = startProgram("append-fixture.ts", [folder.path, "0"]);
    await program.when(() => program.lines.length > 0);
    expect(await rejection(openLogFolder(folder.path))).toMatchObject({
      code: "log_unavailable",
      message: `Cannot open the log in ${folder.path}: it is in use by another process`,
    });
    program.kill("SIGKILL");
    await program.ended;
    await (await openLogFolder(folder.path)).close();
  }, 30_000);
});

describe("bytes that a crash or a disk damaged", () => {
  test("a torn end leaves a clean first part that is written on from", async () => {
    using source = createTempFolder();
    const left = join(source.path, "left");
    await killedFolder(left, 80);
    const size = readFileSync(join(left, ONE_SEGMENT)).length;
    expectPrefix(await readCopy(left, source.path, () => {}, 80));
    // One frame is 4,120 bytes: less than one, one, several, and all but the header.
    for (const cut of [1, 100, 4_119, 4_120, 4_121, 30_000, size - 40, size]) {
      const whole = await readCopy(left, source.path, (wal) => truncateSync(wal, size - cut));
      expectPrefix(whole);
      expect(whole.length).toBeLessThan(80);
    }
  }, 60_000);

  test("a garbled end loses what was in the last flush only", async () => {
    using source = createTempFolder();
    const left = join(source.path, "left");
    await killedFolder(left, 80);
    const size = readFileSync(join(left, ONE_SEGMENT)).length;
    for (const length of [1, 500, 4_000]) {
      const records = await readCopy(left, source.path, (wal) =>
        garble(wal, size - length, length),
      );
      expectPrefix(records);
      expect(records.length).toBeGreaterThanOrEqual(70);
      expect(records.length).toBeLessThan(80);
    }
  }, 60_000);

  test("damage before the end is reported with its file instead of losing the rest", async () => {
    using source = createTempFolder();
    const left = join(source.path, "left");
    await killedFolder(left, 80);
    const size = readFileSync(join(left, ONE_SEGMENT)).length;
    for (const at of [8, 40, 5_000, Math.floor(size / 3), Math.floor(size / 2)]) {
      const copy = join(source.path, `copy-${at}`);
      cpSync(left, copy, { recursive: true });
      garble(join(copy, ONE_SEGMENT), at, 16);
      const fault = await rejection(openLogFolder(copy));
      expect(fault).toMatchObject({ code: "log_corrupt" });
      expect(String(fault)).toContain(join(copy, ONE_SEGMENT));
    }
  }, 60_000);

  test("a changed byte in a sealed file is found by whoever reads it", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path);
    await log.createTopic({ name: "t", partitions: 1, retentionMs: 3_600_000 });
    for (let n = 0; n < 20; n++) await log.append("t", 0, [fixtureRecord(n)]);
    await log.roll();
    await log.append("t", 0, [fixtureRecord(20)]);
    await log.close();
    const sealed = join(folder.path, "00000001.log");
    const bytes = readFileSync(sealed);
    const at = bytes.indexOf("<mark-7>");
    bytes[at + 1] = "M".charCodeAt(0);
    writeFileSync(sealed, bytes);
    const again = await openLogFolder(folder.path);
    const fault = await rejection(again.read("t", 0, 0, 100));
    expect(fault).toMatchObject({ code: "log_corrupt" });
    expect(String(fault)).toContain(sealed);
    expect((await again.read("t", 0, 20, 1)).records).toEqual([fixtureRecord(20)]);
    await again.close();
  });

  test("a sealed file that a crash left in the middle of a transaction is rolled back", async () => {
    using folder = createTempFolder();
    const left = join(folder.path, "left");
    const log = await openLogFolder(left);
    await log.createTopic({ name: "t", partitions: 1, retentionMs: 3_600_000 });
    for (let n = 0; n < 200; n++) await log.append("t", 0, [fixtureRecord(n)]);
    await log.roll();
    await log.close();
    const copy = join(folder.path, "copy");
    using sealed = new Database(join(left, "00000001.log"));
    // So little memory that changed pages and their journal reach the disk before the commit.
    sealed.run("PRAGMA cache_size = 1");
    sealed.run("BEGIN IMMEDIATE");
    sealed.run("UPDATE batch SET base = base + 1");
    cpSync(left, copy, { recursive: true });
    sealed.run("ROLLBACK");
    expect(existsSync(join(copy, "00000001.log-journal"))).toBe(true);
    const records = await readLogFolder(copy);
    expect(records).toHaveLength(200);
    expectPrefix(records);
  });

  test("a missing file is noticed when the log is opened", async () => {
    using folder = createTempFolder();
    const log = await openLogFolder(folder.path);
    await log.createTopic({ name: "t", partitions: 1, retentionMs: 3_600_000 });
    for (let n = 0; n < 3; n++) {
      await log.append("t", 0, [fixtureRecord(n)]);
      await log.roll();
    }
    await log.close();
    rmSync(join(folder.path, "00000002.log"));
    const fault = await rejection(openLogFolder(folder.path));
    expect(fault).toMatchObject({ code: "log_corrupt" });
    expect(String(fault)).toContain("1 is missing");
  });

  async function readCopy(
    left: string,
    parent: string,
    damage: (wal: string) => void,
    wanted?: number,
  ) {
    const copy = join(parent, "copy");
    cpSync(left, copy, { recursive: true });
    damage(join(copy, ONE_SEGMENT));
    const records = await readLogFolder(copy);
    if (wanted !== undefined) expect(records).toHaveLength(wanted);
    // What was torn off is written over, and stays readable after another start.
    const log = await openLogFolder(copy);
    await log.append("t", 0, [fixtureRecord(records.length)]);
    await log.close();
    expectPrefix(await readLogFolder(copy));
    rmSync(copy, { recursive: true });
    return records;
  }
});
