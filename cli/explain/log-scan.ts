import type { EventLog } from "../../src/ports/event-log.ts";
import type { PartitionId } from "../../src/ports/message-store.ts";
import { parseVerdictHeader, type LogRecord } from "../../src/wire/record.ts";

/** A record with the wanted id, where the log has it. */
export interface LogSighting extends PartitionId {
  readonly offset: number;
  readonly fingerprint: string;
  /** 0: not said. */
  readonly attempt: number;
  readonly record: LogRecord;
}

export interface LogScan {
  readonly found: readonly LogSighting[];
  /** Where it gave up before the log's end; undefined: it has seen everything. */
  readonly gaveUpAt: number | undefined;
}

const PAGE_RECORDS = 1_000;

/**
 * Looks for an id from `from` on, through `recordsMax` records.
 * @param partition has to be there
 */
export async function scanLog(
  log: Pick<EventLog, "range" | "read">,
  { topic, partition }: PartitionId,
  id: string,
  from: number,
  recordsMax: number,
): Promise<LogScan> {
  const { start, end } = await log.range(topic, partition);
  const found: LogSighting[] = [];
  let seen = 0;
  let at = Math.max(start, from);
  while (at < end) {
    if (seen >= recordsMax) return { found, gaveUpAt: at };
    const { records, offsets, nextOffset } = await log.read(topic, partition, at, PAGE_RECORDS);
    for (const [i, record] of records.entries()) {
      const header = parseVerdictHeader(record);
      if (header?.id !== id) continue;
      const { attempt, fingerprint } = header;
      found.push({ topic, partition, offset: offsets[i] as number, attempt, fingerprint, record });
    }
    seen += records.length;
    // An empty page with nothing behind it: what is left of the log has no records.
    if (nextOffset <= at) break;
    at = nextOffset;
  }
  return { found, gaveUpAt: undefined };
}
