import { describe, expect, test } from "bun:test";
import type { SqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import type { Consumer } from "../../src/ports/event-log.ts";
import { fixtureRecord } from "../support/append-record.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { openLogFolder } from "../support/log-folder.ts";
import { SteppedClock } from "../support/stepped-clock.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TOPIC = { name: "t", partitions: 1, retentionMs: 3_600_000 };
const LAG_MAX = 10;
const HOLD_MS = 100;

/** A log whose group g is behind by more than it may, since its member has paused. */
async function lagging(folder: string, clock: SteppedClock) {
  const limits = { commitLagRecordsMax: LAG_MAX, commitHoldMs: HOLD_MS };
  const log = await openLogFolder(folder, { clock, limits, pacedBy: "g" });
  await log.createTopic(TOPIC);
  const handler = new CollectingHandler();
  const consumer = await log.consume({ group: "g", member: "m", topics: ["t"], handler });
  await clock.advance(1);
  await handler.when(() => handler.owned.has("t/0"));
  consumer.pause("t", 0);
  await append(log, clock, LAG_MAX + 1);
  return { log, handler, consumer };
}

/** Appends and has the clock let the commit go. */
async function append(log: SqliteEventLog, clock: SteppedClock, count: number): Promise<number> {
  const records = Array.from({ length: count }, (_, n) => fixtureRecord(n));
  const base = log.append("t", 0, records);
  await clock.advance(0);
  return base;
}

/** Resolves when the writer has done all that it was sent before. */
async function writerIsIdle(log: SqliteEventLog): Promise<void> {
  await log.limitPagesForTests(1_000_000);
}

describe("the standalone log and a group that it is paced by", () => {
  test("an append waits for a member that is too far behind, until that has everything", async () => {
    using folder = createTempFolder();
    const clock = new SteppedClock();
    const { log, handler, consumer } = await lagging(folder.path, clock);
    const order: string[] = [];
    handler.onRecords = ({ offsets }) => order.push(`handed ${offsets.at(-1)}`);
    const appended = append(log, clock, 1).then((base) => order.push(`appended ${base}`));
    await writerIsIdle(log);
    expect(order).toEqual([]);
    consumer.resume("t", 0);
    await handler.when(() => handler.count === LAG_MAX + 1);
    await clock.advance(1);
    await appended;
    await handler.when(() => handler.count === LAG_MAX + 2);
    expect(order.filter((step) => step.startsWith("handed"))).toEqual(["handed 10", "handed 11"]);
    expect(order.indexOf("handed 10")).toBeLessThan(order.indexOf("appended 11"));
    await closeLog(log, consumer, clock);
  });

  test("a member that stands still delays one append, and that for a bounded time", async () => {
    using folder = createTempFolder();
    const clock = new SteppedClock();
    const { log, consumer } = await lagging(folder.path, clock);
    let done = false;
    const late = append(log, clock, 1).then((base) => {
      done = true;
      return base;
    });
    await clock.advance(HOLD_MS - 1);
    await writerIsIdle(log);
    expect(done).toBe(false);
    await clock.advance(1);
    expect(await late).toBe(LAG_MAX + 1);
    expect(await append(log, clock, 1)).toBe(LAG_MAX + 2);
    await closeLog(log, consumer, clock);
  });

  test("a group by another name holds nothing up", async () => {
    using folder = createTempFolder();
    const clock = new SteppedClock();
    const { log, handler, consumer } = await lagging(folder.path, clock);
    consumer.resume("t", 0);
    await handler.when(() => handler.count === LAG_MAX + 1);
    const idle = new CollectingHandler();
    const other = await log.consume({ group: "other", member: "m", topics: ["t"], handler: idle });
    await clock.advance(1);
    other.pause("t", 0);
    expect(await append(log, clock, LAG_MAX + 1)).toBe(LAG_MAX + 1);
    expect(await append(log, clock, 1)).toBe(2 * LAG_MAX + 2);
    await closeLog(log, consumer, clock);
  });
});

async function closeLog(
  log: SqliteEventLog,
  consumer: Consumer,
  clock: SteppedClock,
): Promise<void> {
  consumer.resume("t", 0);
  const closing = log.close();
  const ended = closing.then(() => true);
  while ((await Promise.race([ended, clock.advance(1).then(() => false)])) !== true);
}
