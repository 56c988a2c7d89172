import { IMPORT_OFFSET_FIRST, ImportFold, type ImportedBatch } from "../../chat/import-fold.ts";
import { AppError } from "../../errors.ts";
import type { ImportTotals, TenantImport } from "../../ports/message-import.ts";
import { CopyBuffer } from "./copy-buffer.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";
import { copyIds, copyRuns } from "./store-copy.ts";
import type { StoreIdIndex } from "./store-id-index.ts";
import { storedName } from "./store-name.ts";
import { acquirePartition } from "./store-place.ts";
import { encodeBatch } from "./store-run.ts";

export interface StoreImportParts {
  readonly database: PostgresDatabase;
  readonly cluster: string;
  readonly ids: StoreIdIndex;
}

/** Of the advisory lock, "move" in ASCII: two imports would take the same offsets. */
const LOCK = 0x6d_6f_76_65;
const IMPORT_TIMEOUT_MS = 24 * 3_600_000;
/** Conversations of one statement. */
const INSERT_MAX = 1_000;

interface Place {
  readonly place: number;
  /** First offset that no earlier import took. */
  readonly free: number;
}

/**
 * All of a tenant in one transaction. Its rows are written first and its conversations last, so
 * that the partitions are locked, and delivery to their other tenants waits, for a moment only.
 */
export async function importTenant(
  { database, cluster, ids }: StoreImportParts,
  { tenant, topic, partitions, runs }: TenantImport,
): Promise<ImportTotals> {
  const name = storedName(tenant);
  await database.use(async (session) => {
    await session`INSERT INTO tenant_names (name) VALUES (${name}) ON CONFLICT DO NOTHING`;
  });
  // Nobody who has these partitions now can store any more, and each of them has its row.
  for (let partition = 0; partition < partitions; partition++)
    await database.use((session) => acquirePartition(session, cluster, { topic, partition }));
  return database.transaction(
    async (session) => {
      await session.unsafe(
        `SET LOCAL statement_timeout = ${IMPORT_TIMEOUT_MS};
         SET LOCAL idle_in_transaction_session_timeout = ${IMPORT_TIMEOUT_MS}`,
      );
      await session`SELECT pg_advisory_xact_lock(${LOCK})`;
      await mustBeEmpty(session, tenant);
      const places = await readFree(session, cluster, topic, partitions);
      const rows = new ConversationRows();
      const fold = new ImportFold(
        tenant,
        places.map(({ free }) => free),
      );
      const buffer = new CopyBuffer();
      for await (const some of runs)
        for (const batch of fold.fold(some)) {
          const { place } = places[batch.partition] as Place;
          await write(session, { topic, place, batch, ids, buffer, rows });
        }
      await lockPlaces(session, cluster, topic, places);
      // Locked, so that nobody makes one from now on.
      await mustBeEmpty(session, tenant);
      await insertConversations(session, name, fold, places, rows);
      return { conversations: fold.conversations.size, events: fold.events };
    },
    { deadlineMs: IMPORT_TIMEOUT_MS },
  );
}

/** Numbers of the rows that conversations will have. */
class ConversationRows {
  readonly #ids = new Map<string, number>();

  async need(session: PostgresSession, conversations: Iterable<string>): Promise<void> {
    const unknown = [...new Set(conversations)].filter((name) => !this.#ids.has(name));
    if (unknown.length === 0) return;
    const rows: { id: number }[] = await session`
      SELECT nextval(pg_get_serial_sequence('conversations', 'id'))::float8 AS id
      FROM generate_series(1, ${unknown.length}::int)`;
    unknown.forEach((name, i) => this.#ids.set(name, (rows[i] as { id: number }).id));
  }

  get(conversation: string): number {
    return this.#ids.get(conversation) as number;
  }
}

interface Writing {
  readonly topic: string;
  readonly place: number;
  readonly batch: ImportedBatch;
  readonly ids: StoreIdIndex;
  readonly buffer: CopyBuffer;
  readonly rows: ConversationRows;
}

async function write(session: PostgresSession, writing: Writing): Promise<void> {
  const { topic, place, batch, ids, buffer, rows } = writing;
  const { partition, offsetFirst, nextOffset, events } = batch;
  const whole = {
    topic,
    partition,
    incarnation: "",
    ownerEpoch: 0,
    expectedOffset: offsetFirst,
    nextOffset,
    lastId: "",
    events,
  };
  const encoded = encodeBatch(whole, ids.seed);
  if (typeof encoded === "string")
    throw new AppError("row_refused", `The store refuses a row: ${encoded}`);
  await rows.need(
    session,
    events.map(({ conversation }) => storedName(conversation)),
  );
  const plan = { rows: encoded.runs.map((run) => ({ id: rows.get(run.conversation) })) };
  const written = [{ place, batch: encoded, plan }];
  await ids.load(session, written);
  await copyIds(session, buffer, written, ids);
  await copyRuns(session, buffer, written);
  encoded.release();
}

async function readFree(
  session: PostgresSession,
  cluster: string,
  topic: string,
  partitions: number,
): Promise<readonly Place[]> {
  const rows: Place[] = await session`
    SELECT o.place, coalesce((
      SELECT b.offset_next FROM batches b WHERE b.place = o.place AND b.offset_next <= 0
      ORDER BY b.place DESC, b.offset_next DESC LIMIT 1
    ), ${IMPORT_OFFSET_FIRST}::bigint)::float8 AS free
    FROM consumer_offsets o
    WHERE o.cluster = ${cluster} AND o.topic = ${topic} AND o.partition < ${partitions}
    ORDER BY o.partition`;
  return rows;
}

/** Keeps others from storing, and those who have looked already from storing ever. */
async function lockPlaces(
  session: PostgresSession,
  cluster: string,
  topic: string,
  places: readonly Place[],
): Promise<void> {
  // In the order in which everybody locks.
  const rows: { place: number }[] = await session`
    SELECT place FROM consumer_offsets
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition < ${places.length}
    ORDER BY topic, partition FOR UPDATE`;
  if (rows.length !== places.length || rows.some(({ place }, i) => place !== places[i]?.place))
    throw new AppError("store_unavailable", "An accepted loss came between; import again");
  await session`
    UPDATE consumer_offsets SET owner_epoch = owner_epoch + 1
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition < ${places.length}`;
}

async function mustBeEmpty(session: PostgresSession, tenant: string): Promise<void> {
  const [row]: [{ there: boolean }] = await session`
    SELECT EXISTS (
      SELECT FROM tenant_names t JOIN conversations c ON c.tenant = t.id
      WHERE t.name = ${storedName(tenant)}
    ) AS there`;
  if (row.there) throw new AppError("invalid_command", `${tenant} has messages already`);
}

async function insertConversations(
  session: PostgresSession,
  tenant: string,
  { conversations }: ImportFold,
  places: readonly Place[],
  rows: ConversationRows,
): Promise<void> {
  const all = [...conversations];
  for (let at = 0; at < all.length; at += INSERT_MAX) {
    const some = all.slice(at, at + INSERT_MAX);
    const names = some.map(([name]) => storedName(name));
    await rows.need(session, names);
    await session`
      INSERT INTO conversations (id, floor, seq_last, tenant, place, name, epoch)
      OVERRIDING SYSTEM VALUE
      SELECT u.id, u.floor, u.floor - 1, t.id, u.place, u.name, u.epoch
      FROM unnest(
        ${session.array(
          names.map((name) => rows.get(name)),
          "BIGINT",
        )},
        ${session.array(
          some.map(([, { floor }]) => floor),
          "BIGINT",
        )},
        ${session.array(
          some.map(([, { partition }]) => (places[partition] as Place).place),
          "INT",
        )},
        ${session.array(names, "TEXT")},
        ${session.array(
          some.map(([, { epoch }]) => storedName(epoch)),
          "TEXT",
        )}
      ) AS u (id, floor, place, name, epoch)
      CROSS JOIN (SELECT id FROM tenant_names WHERE name = ${tenant}) t`;
  }
}
