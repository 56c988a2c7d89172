import {
  openSqliteEventLog,
  type SqliteEventLog,
  type SqliteEventLogOptions,
} from "../../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { LogRecord } from "../../src/wire/record.ts";

/** Opens the standalone log of a folder on real time. */
export function openLogFolder(
  folder: string,
  options: Partial<SqliteEventLogOptions> = {},
): Promise<SqliteEventLog> {
  const clock = createSystemClock();
  return openSqliteEventLog({ folder, clock, random: createSystemRandom(), ...options });
}

/** Opens a folder's log, reads all of topic t, partition 0, and closes it again. */
export async function readLogFolder(folder: string): Promise<readonly LogRecord[]> {
  const log = await openLogFolder(folder);
  try {
    const { start, end } = await log.range("t", 0);
    const records: LogRecord[] = [];
    for (let at = start; at < end;) {
      const batch = await log.read("t", 0, at, 1_000);
      records.push(...batch.records);
      at = batch.nextOffset;
    }
    return records;
  } finally {
    await log.close();
  }
}
