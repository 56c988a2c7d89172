import type { OutboxEntry, OutboxRow, ParkedRow } from "../../ports/outbox.ts";
import type { LogRecord } from "../../wire/record.ts";
import type { PostgresSession } from "./database.ts";

/** Of the advisory locks: "tobx" and "tobm" in ASCII; the partition or schema beside it. */
export const PARTITION_LOCK = 0x74_6f_62_78;
export const MESSAGE_LOCK = 0x74_6f_62_6d;

/** A record as the tables have it. */
export interface RecordColumns {
  readonly key: string;
  readonly headers: string;
  readonly value: string;
}

/** int8 comes as text. */
type Int8 = string | number;

export interface EntryColumns extends RecordColumns {
  readonly number: Int8;
}

/**
 * Inserts rows, all or none, with the numbers that follow their partitions' last. The partitions'
 * rows are locked in one order, so that two puts cannot wait for each other.
 *
 * @returns rows inserted: none when there would be more than `rowsMax` or `charsMax` in all
 */
export async function insertRows(
  session: PostgresSession,
  rows: readonly OutboxRow[],
  rowsMax: number,
  charsMax: number,
): Promise<number> {
  const columns = rows.map(({ topic, partition, record: { key, headers, value } }) => ({
    topic,
    partition,
    key,
    headers: JSON.stringify(headers),
    value,
    chars: value.length,
  }));
  const { count }: { count: number } = await session`
    WITH incoming AS MATERIALIZED (
      SELECT r.*, row_number() OVER (PARTITION BY topic, partition ORDER BY nth) AS place
      FROM ROWS FROM (json_to_recordset(${JSON.stringify(columns)}::text::json)
        AS (topic text, partition integer, key text, headers text, value text, chars integer))
        WITH ORDINALITY AS r (topic, partition, key, headers, value, chars, nth)
    ), counted AS (
      SELECT topic, partition, count(*) AS rows, sum(chars) AS chars FROM incoming GROUP BY 1, 2
    ), room AS (
      SELECT coalesce(sum(last_number - done_number), 0) + ${rows.length}::bigint <= ${rowsMax}::bigint
        AND coalesce(sum(chars), 0) + (SELECT sum(chars) FROM counted) <= ${charsMax}::bigint AS is_there
      FROM outbox_partitions
    ), placed AS (
      INSERT INTO outbox_partitions AS p (topic, partition, last_number, chars)
      SELECT topic, partition, rows, chars FROM counted
      WHERE (SELECT is_there FROM room)
      ORDER BY topic COLLATE "C", partition
      ON CONFLICT (topic, partition) DO UPDATE
        SET last_number = p.last_number + excluded.last_number, chars = p.chars + excluded.chars
      RETURNING topic, partition, last_number
    )
    INSERT INTO outbox_rows (topic, partition, number, key, headers, value)
    SELECT i.topic, i.partition, p.last_number - c.rows + i.place, i.key, i.headers, i.value
    FROM incoming i
      JOIN counted c USING (topic, partition)
      JOIN placed p USING (topic, partition)
    ORDER BY i.nth`;
  return count;
}

export async function insertParked(
  session: PostgresSession,
  parked: readonly Omit<ParkedRow, "parkedAt">[],
): Promise<void> {
  if (parked.length === 0) return;
  const columns = parked.map(({ origin, reason, record: { key, headers, value } }) => ({
    origin,
    reason,
    key,
    headers: JSON.stringify(headers),
    value,
  }));
  await session`
    INSERT INTO outbox_parked (origin, reason, key, headers, value)
    SELECT origin, reason, key, headers, value
    FROM json_to_recordset(${JSON.stringify(columns)}::text::json)
      AS r (origin text, reason text, key text, headers text, value text)`;
}

export function entryOf({ number, ...columns }: EntryColumns): OutboxEntry {
  return { number: Number(number), record: recordOf(columns) };
}

export function recordOf({ key, headers, value }: RecordColumns): LogRecord {
  return { key, headers: JSON.parse(headers) as Record<string, string>, value };
}
