import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { PartitionId } from "../../ports/message-store.ts";
import type {
  Outbox,
  OutboxEntry,
  OutboxMessage,
  OutboxRow,
  OutboxStats,
  ParkedRow,
  PendingPartition,
  Published,
  Staged,
} from "../../ports/outbox.ts";
import { isConnectionLost } from "./database-error.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";
import {
  entryOf,
  insertParked,
  insertRows,
  MESSAGE_LOCK,
  PARTITION_LOCK,
  recordOf,
  type EntryColumns,
  type RecordColumns,
} from "./outbox-sql.ts";

export interface PostgresOutboxOptions {
  /** With the layout of `migrate`; closed by its owner. */
  readonly database: PostgresDatabase;
  /**
   * Has a connection for each partition that is published, for as long as the log takes; absent:
   * those of `database`, for which everything else then waits.
   */
  readonly publishing?: PostgresDatabase;
  readonly limits: Pick<Limits, "outboxRowsMax" | "outboxBytesMax">;
}

/**
 * The outbox in Postgres. A publisher has its partition by an advisory lock of the transaction that
 * removes the rows: it ends with the session, and nobody can remove what was published by another.
 */
export class PostgresOutbox implements Outbox {
  readonly #database: PostgresDatabase;
  readonly #publishing: PostgresDatabase;
  readonly #limits: PostgresOutboxOptions["limits"];

  constructor({ database, publishing = database, limits }: PostgresOutboxOptions) {
    this.#database = database;
    this.#publishing = publishing;
    this.#limits = limits;
  }

  async put(rows: readonly OutboxRow[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#database.use((session) => onceSent(this.#insert(session, rows)));
  }

  async pending(): Promise<readonly PendingPartition[]> {
    return this.#database.use(async (session) => {
      const rows: {
        topic: string;
        partition: number;
        rows: string;
        chars: string;
        done: string;
      }[] = await session`
          SELECT topic, partition, last_number - done_number AS rows, chars, done_number AS done
          FROM outbox_partitions WHERE last_number > done_number`;
      return rows.map(({ topic, partition, rows: count, chars, done }) => ({
        topic,
        partition,
        rows: Number(count),
        chars: Number(chars),
        done: Number(done),
      }));
    });
  }

  async publish(
    { topic, partition }: PartitionId,
    rowsMax: number,
    publish: (entries: readonly OutboxEntry[]) => Promise<Published>,
  ): Promise<number | undefined> {
    return this.#publishing.transaction(async (session) => {
      const name = `${topic}/${partition}`;
      if (!(await this.#lock(session, PARTITION_LOCK, name))) return undefined;
      const columns: EntryColumns[] = await session`
        SELECT r.number, r.key, r.headers, r.value
        FROM outbox_partitions p
          JOIN outbox_rows r ON r.topic = p.topic AND r.partition = p.partition
            AND r.number > p.done_number
        WHERE p.topic = ${topic} AND p.partition = ${partition}
        ORDER BY r.number LIMIT ${rowsMax}`;
      if (columns.length === 0) return 0;
      const entries = columns.map(entryOf);
      const { done, parked } = await publish(entries);
      const last = entries[done - 1];
      if (last === undefined) return 0;
      let chars = 0;
      for (const { record } of entries.slice(0, done)) chars += record.value.length;
      const reasons = new Map(parked.map(({ number, reason }) => [number, reason]));
      await insertParked(
        session,
        entries
          .filter(({ number }) => reasons.has(number))
          .map(({ number, record }) => ({
            origin: `${name}/${number}`,
            reason: reasons.get(number) as string,
            record,
          })),
      );
      await session`
        DELETE FROM outbox_rows
        WHERE topic = ${topic} AND partition = ${partition} AND number <= ${last.number}`;
      // Last, as it makes puts into this partition wait until the commit.
      await session`
        UPDATE outbox_partitions SET done_number = ${last.number}, chars = chars - ${chars}
        WHERE topic = ${topic} AND partition = ${partition}`;
      return done;
    });
  }

  async submit(messages: readonly OutboxMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.#database.use((session) =>
      onceSent(
        session`
          SELECT outbox_put(tenant, conversation, sender, content, key, kind)
          FROM ROWS FROM (json_to_recordset(${JSON.stringify(messages)}::text::json)
            AS (tenant text, conversation text, sender text, content text, key text, kind text))
            WITH ORDINALITY AS m (tenant, conversation, sender, content, key, kind, nth)
          ORDER BY nth`,
      ),
    );
  }

  async stage(
    messagesMax: number,
    build: (messages: readonly OutboxMessage[]) => Promise<readonly Staged[]>,
  ): Promise<number | undefined> {
    return this.#database.transaction(async (session) => {
      if (!(await this.#lock(session, MESSAGE_LOCK, ""))) return undefined;
      const taken: (OutboxMessage & { number: string })[] = await session`
        SELECT number, tenant, conversation, sender, key, kind, content
        FROM outbox_messages ORDER BY number LIMIT ${messagesMax}`;
      if (taken.length === 0) return 0;
      const messages = taken.map(({ tenant, conversation, sender, key, kind, content }) => {
        return { tenant, conversation, sender, key, kind, content };
      });
      const staged = await build(messages);
      const rows = staged.filter((one): one is OutboxRow => !("fault" in one));
      if (rows.length > 0) await this.#insert(session, rows);
      const faults = staged.flatMap((one, i) => {
        if (!("fault" in one)) return [];
        const message = messages[i] as OutboxMessage;
        const record = { key: message.key, headers: {}, value: JSON.stringify(message) };
        return [{ origin: `message/${taken[i]?.number}`, reason: one.fault, record }];
      });
      await insertParked(session, faults);
      const numbers = JSON.stringify(taken.map(({ number }) => String(number)));
      await session`
        DELETE FROM outbox_messages WHERE number IN (
          SELECT n::bigint FROM json_array_elements_text(${numbers}::text::json) AS n)`;
      return taken.length;
    });
  }

  async parked(rowsMax: number): Promise<readonly ParkedRow[]> {
    return this.#database.use(async (session) => {
      const rows: (RecordColumns & { origin: string; reason: string; parked_at: Date })[] =
        await session`
          SELECT origin, reason, key, headers, value, parked_at
          FROM outbox_parked ORDER BY number DESC LIMIT ${rowsMax}`;
      return rows.map(({ origin, reason, parked_at, ...record }) => ({
        origin,
        reason,
        record: recordOf(record),
        parkedAt: parked_at.getTime(),
      }));
    });
  }

  async stats(): Promise<OutboxStats> {
    return this.#database.use(async (session) => {
      const [row]: Record<keyof OutboxStats, string>[] = await session`
        SELECT coalesce(sum(p.last_number - p.done_number), 0) AS rows,
          coalesce(sum(p.chars), 0) AS chars,
          (SELECT count(*) FROM outbox_messages) AS messages,
          (SELECT count(*) FROM outbox_parked) AS parked,
          coalesce(extract(epoch FROM clock_timestamp() - least(
            min(first.put_at),
            (SELECT put_at FROM outbox_messages ORDER BY number LIMIT 1)
          )) * 1000, 0) AS "oldestMs"
        FROM outbox_partitions p LEFT JOIN outbox_rows first ON p.last_number > p.done_number
          AND first.topic = p.topic AND first.partition = p.partition
          AND first.number = p.done_number + 1`;
      const number = (name: keyof OutboxStats): number => Number(row?.[name] ?? 0);
      return {
        rows: number("rows"),
        chars: number("chars"),
        messages: number("messages"),
        parked: number("parked"),
        oldestMs: Math.max(0, number("oldestMs")),
      };
    });
  }

  async close(): Promise<void> {}

  async #insert(session: PostgresSession, rows: readonly OutboxRow[]): Promise<void> {
    const { outboxRowsMax, outboxBytesMax } = this.#limits;
    const inserted = await insertRows(session, rows, outboxRowsMax, outboxBytesMax);
    if (inserted !== rows.length)
      throw new AppError("overloaded", "the outbox is full", { limit: outboxRowsMax });
  }

  async #lock(session: PostgresSession, space: number, name: string): Promise<boolean> {
    const of = `${this.#database.schema ?? ""} ${name}`;
    const [row]: { locked: boolean }[] = await session`
      SELECT pg_try_advisory_xact_lock(${space}, hashtext(${of})) AS locked`;
    return row?.locked === true;
  }
}

/** What a statement of its own did is not known once its connection is lost. */
async function onceSent<T>(statement: Promise<T>): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    throw new AppError("unknown_outcome", undefined, { cause: error });
  }
}

/** See {@link PostgresOutbox}. */
export function createPostgresOutbox(options: PostgresOutboxOptions): PostgresOutbox {
  return new PostgresOutbox(options);
}
