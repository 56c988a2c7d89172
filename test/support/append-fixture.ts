/**
 * A program for tests to trace and kill: appends numbered records to one partition of a log in a
 * folder, several at a time, and prints `acked <n>` the moment that the append of record n resolved.
 * Arguments: folder, number of records (0: until it is killed), JSON of further options.
 */
import { writeSync } from "node:fs";
import {
  openSqliteEventLog,
  type SqliteEventLogOptions,
} from "../../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { fixtureRecord } from "./append-record.ts";

const [folder = "", count = "0", options = "{}"] = process.argv.slice(2);
const LANES = 4;

const log = await openSqliteEventLog({
  folder,
  clock: createSystemClock(),
  random: createSystemRandom(),
  ...(JSON.parse(options) as Partial<SqliteEventLogOptions>),
});
await log.createTopic({ name: "t", partitions: 1, retentionMs: 3_600_000 });

const { end } = await log.range("t", 0);
const last = count === "0" ? Number.POSITIVE_INFINITY : end + Number(count);
let next = end;

async function appendOneByOne(): Promise<void> {
  while (next < last) {
    const n = next++;
    const offset = await log.append("t", 0, [fixtureRecord(n)]);
    writeSync(1, `acked ${offset}\n`);
    if (offset !== n) throw new Error(`record ${n} got offset ${offset}`);
  }
}

await Promise.all(Array.from({ length: LANES }, appendOneByOne));
if (!options.includes("leaveOpen")) await log.close();
else process.kill(process.pid, "SIGKILL");
