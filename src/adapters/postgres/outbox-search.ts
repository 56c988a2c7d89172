import type { LogRecord } from "../../wire/record.ts";
import type { PostgresDatabase } from "./database.ts";
import { recordOf, type RecordColumns } from "./outbox-sql.ts";

/** A message that waits for the log, or that the log never took. */
export interface OutboxSighting {
  /** `row`: on its way; `message`: put by a service, not a row yet; `parked`: given up. */
  readonly kind: "row" | "message" | "parked";
  /** `<topic>/<partition>/<number>`, or `message/<number>`. */
  readonly origin: string;
  /** Ms since 1970. */
  readonly at: number;
  /** Of a parked one. */
  readonly reason: string | undefined;
  /** Undefined for a message that has none yet. */
  readonly record: LogRecord | undefined;
}

interface Columns extends RecordColumns {
  readonly origin: string;
  readonly reason: string | null;
  readonly at: number;
}

/**
 * Looks for a message in the outbox; for operators, since it reads all that waits.
 * @param id begins with the message's key, which those that are no rows yet are found by
 */
export async function searchOutbox(
  database: PostgresDatabase,
  id: string,
): Promise<readonly OutboxSighting[]> {
  const start = `{"id":"${id}"`;
  const dot = id.lastIndexOf(".");
  const key = dot < 0 ? id : id.slice(0, dot);
  return database.use(async (session) => {
    const rows: Columns[] = await session`
      SELECT r.topic || '/' || r.partition || '/' || r.number AS origin, NULL AS reason,
        (extract(epoch FROM r.put_at) * 1000)::float8 AS at, r.key, r.headers, r.value
      FROM outbox_rows r JOIN outbox_partitions p USING (topic, partition)
      WHERE r.number > p.done_number AND starts_with(r.value, ${start})
      ORDER BY r.put_at`;
    const parked: Columns[] = await session`
      SELECT origin, reason, (extract(epoch FROM parked_at) * 1000)::float8 AS at,
        key, headers, value
      FROM outbox_parked
      WHERE starts_with(value, ${start})
        OR (origin LIKE 'message/%' AND strpos(value, ${JSON.stringify(key)}) > 0)
      ORDER BY number`;
    const messages: { number: string; at: number }[] = await session`
      SELECT number, (extract(epoch FROM put_at) * 1000)::float8 AS at
      FROM outbox_messages WHERE key = ${key} ORDER BY number`;
    const sighting = (kind: "row" | "parked", columns: Columns): OutboxSighting => ({
      kind,
      origin: columns.origin,
      at: columns.at,
      reason: columns.reason ?? undefined,
      record: recordOf(columns),
    });
    return [
      ...rows.map((row) => sighting("row", row)),
      ...messages.map(({ number, at }): OutboxSighting => ({
        kind: "message",
        origin: `message/${number}`,
        at,
        reason: undefined,
        record: undefined,
      })),
      ...parked.map((row) => sighting("parked", row)),
    ];
  });
}
