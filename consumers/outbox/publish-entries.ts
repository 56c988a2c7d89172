import { asAppError, type AppError, type ErrorCode } from "../../src/errors.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { PartitionId } from "../../src/ports/message-store.ts";
import type { OutboxEntry, Published } from "../../src/ports/outbox.ts";
import { raiseAttempt, type LogRecord } from "../../src/wire/record.ts";

/** A row that the log never takes. */
export interface Poison {
  readonly number: number;
  readonly reason: string;
  readonly code: ErrorCode;
  readonly record: LogRecord;
}

/** What came of publishing rows. */
export interface Outcome extends Published {
  readonly parked: readonly Poison[];
  /** The batch as a whole was refused, so that its rows were published one by one. */
  readonly split: boolean;
  /** Why the rows after the first `done` stay. */
  readonly failure: AppError | undefined;
}

/** What is wrong with a record itself. All else is the log's, and may pass: it blocks. */
const POISON: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "record_too_large",
  "content_too_large",
  "invalid_content",
  "malformed_record",
  "row_refused",
]);

/**
 * Appends rows in order: all at once, or one by one where that fails because of a record in it. Stops
 * at the first failure that may pass, since the rows behind must not overtake.
 *
 * @param tries how often the first rows were tried before, raises their attempt
 */
export async function publishEntries(
  log: Pick<EventLog, "append">,
  { topic, partition }: PartitionId,
  entries: readonly OutboxEntry[],
  tries: number,
): Promise<Outcome> {
  const append = async (records: readonly LogRecord[]): Promise<AppError | undefined> => {
    try {
      await log.append(topic, partition, records);
      return undefined;
    } catch (error) {
      return asAppError(error);
    }
  };
  const records = entries.map(({ record }) => raiseAttempt(record, tries));
  const isWhole = records.every((record) => record !== undefined);
  if (isWhole) {
    const failure = await append(records);
    if (failure === undefined)
      return { done: entries.length, parked: [], split: false, failure: undefined };
    if (!POISON.has(failure.code)) return { done: 0, parked: [], split: false, failure };
  }
  const parked: Poison[] = [];
  let done = 0;
  for (const [i, { number, record: original }] of entries.entries()) {
    const record = records[i];
    let code: ErrorCode = "malformed_record";
    let reason = "malformed_record: the record's header cannot be read";
    if (record !== undefined) {
      const failure = await append([record]);
      if (failure === undefined) {
        done++;
        continue;
      }
      if (!POISON.has(failure.code)) return { done, parked, split: true, failure };
      ({ code } = failure);
      reason = `${code}: ${failure.message}`;
    }
    parked.push({ number, reason, code, record: original });
    done++;
  }
  return { done, parked, split: true, failure: undefined };
}
