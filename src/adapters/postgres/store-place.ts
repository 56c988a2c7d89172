import type {
  FeedPage,
  IdEntry,
  PartitionId,
  PartitionState,
  PlacedEvent,
} from "../../ports/message-store.ts";
import type { PostgresSession } from "./database.ts";
import { decodeEvents, decodeMeta } from "./store-meta.ts";
import { nameOf } from "./store-name.ts";

/** Batches that one page of the feed looks at. */
const FEED_BATCHES_MAX = 256;

interface StateRow {
  readonly owner_epoch: number;
  readonly incarnation: string | null;
  readonly next_offset: number;
  readonly last_id: string;
}

interface FeedRow {
  readonly next_offset: number;
  readonly batch_last: number | null;
  readonly batch_end: number | null;
  readonly seq_last: number;
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly meta: Buffer;
  readonly events: Buffer;
}

/** Raises the partition's owner epoch, and makes its row at first. */
export async function acquirePartition(
  session: PostgresSession,
  cluster: string,
  { topic, partition }: PartitionId,
): Promise<PartitionState> {
  const [row]: [StateRow] = await session`
    INSERT INTO consumer_offsets AS o (cluster, topic, partition, next_offset, owner_epoch, last_id)
    VALUES (${cluster}, ${topic}, ${partition}, 0, 1, '')
    ON CONFLICT (cluster, topic, partition) DO UPDATE SET owner_epoch = o.owner_epoch + 1
    RETURNING owner_epoch::float8 AS owner_epoch, incarnation, next_offset::float8 AS next_offset,
      last_id`;
  return {
    ownerEpoch: row.owner_epoch,
    incarnation: row.incarnation ?? undefined,
    nextOffset: row.next_offset,
    lastId: row.last_id,
  };
}

/**
 * Ends the sessions that hold a partition's row and have waited for their own client for a while:
 * that worker froze. No timeout of the server ends a `COPY` that waits for its client, and a
 * session at which the server works is waited for.
 * @param idleMs since its last statement began
 * @returns how many sessions it ended
 */
export async function endFrozenHolders(
  session: PostgresSession,
  cluster: string,
  { topic, partition }: PartitionId,
  idleMs: number,
): Promise<number> {
  const rows: { ended: boolean }[] = await session`
    SELECT pg_terminate_backend(a.pid) AS ended
    FROM consumer_offsets o JOIN pg_stat_activity a ON a.backend_xid = o.xmax
    WHERE o.cluster = ${cluster} AND o.topic = ${topic} AND o.partition = ${partition}
      AND a.wait_event_type = 'Client'
      AND a.query_start < clock_timestamp() - make_interval(secs => ${idleMs / 1_000})`;
  return rows.filter(({ ended }) => ended).length;
}

export async function readOffsets(
  session: PostgresSession,
  cluster: string,
): Promise<readonly (PartitionId & { readonly nextOffset: number })[]> {
  const rows: (PartitionId & { next_offset: number })[] = await session`
    SELECT topic, partition, next_offset::float8 AS next_offset FROM consumer_offsets
    WHERE cluster = ${cluster} AND incarnation IS NOT NULL ORDER BY topic, partition`;
  return rows.map(({ topic, partition, next_offset }) => ({
    topic,
    partition,
    nextOffset: next_offset,
  }));
}

/** The number that a partition's rows carry. */
export async function readPlace(
  session: PostgresSession,
  cluster: string,
  { topic, partition }: PartitionId,
): Promise<number | undefined> {
  const rows: { place: number }[] = await session`
    SELECT place FROM consumer_offsets
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition = ${partition}`;
  return rows[0]?.place;
}

/** Ids placed at `from` or later, in offset order; the texts of events stay where they are. */
export async function readWindow(
  session: PostgresSession,
  place: number,
  from: number,
): Promise<readonly IdEntry[]> {
  const rows: { batch_end: number; meta: Buffer }[] = await session`
    SELECT batch_end::float8 AS batch_end, meta FROM runs
    WHERE place = ${place} AND batch_end > ${from}::bigint`;
  const entries: IdEntry[] = [];
  for (const { batch_end, meta } of rows)
    for (const { id, fingerprint, offset } of decodeMeta(meta, batch_end))
      if (offset >= from) entries.push({ id, fingerprint, offset });
  return entries.sort((a, b) => a.offset - b.offset);
}

/**
 * Whole batches until there are enough events; what is too many is cut here. The first batch does
 * not count: all of its events may be before `from`.
 */
export async function readFeed(
  session: PostgresSession,
  place: number,
  from: number,
  eventsMax: number,
): Promise<FeedPage> {
  const rows: FeedRow[] = await session`
    WITH o AS (
      SELECT next_offset, (
        SELECT offset_next FROM batches WHERE place = ${place}
        ORDER BY place DESC, offset_next DESC LIMIT 1
      ) AS batch_last
      FROM consumer_offsets WHERE place = ${place}
    ), page AS (
      SELECT offset_next FROM (
        SELECT offset_next, sum(events) OVER earlier - first_value(events) OVER earlier
          AS events_before
        FROM (
          SELECT offset_next, events FROM batches
          WHERE place = ${place} AND offset_next > ${from}::bigint
          ORDER BY place, offset_next LIMIT ${FEED_BATCHES_MAX}
        ) b
        WINDOW earlier AS (
          ORDER BY offset_next ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
      ) w
      WHERE coalesce(events_before, 0) <= ${eventsMax}::int
    )
    SELECT o.next_offset::float8 AS next_offset, o.batch_last::float8 AS batch_last,
      page.offset_next::float8 AS batch_end, r.seq_last::float8 AS seq_last, r.meta, r.events,
      t.name AS tenant, c.name AS conversation, c.epoch
    FROM o LEFT JOIN page ON true
    LEFT JOIN LATERAL (
      SELECT * FROM runs WHERE place = ${place} AND batch_end = page.offset_next
        AND events IS NOT NULL
    ) r ON true
    LEFT JOIN conversations c ON c.id = r.conversation
    LEFT JOIN tenant_names t ON t.id = c.tenant`;
  const [first] = rows;
  if (!first) return { events: [], nextOffset: from };
  const events: PlacedEvent[] = [];
  let read = from;
  for (const row of rows) {
    if (row.batch_end === null) break;
    read = Math.max(read, row.batch_end);
    if (row.seq_last !== null) for (const event of placedEvents(row)) events.push(event);
  }
  const wanted = events.filter(({ offset }) => offset >= from).sort((a, b) => a.offset - b.offset);
  const last = wanted[eventsMax - 1];
  if (last && wanted.length > eventsMax)
    return { events: wanted.slice(0, eventsMax), nextOffset: last.offset + 1 };
  const isEnd = first.batch_last === null || read >= first.batch_last;
  return { events: wanted, nextOffset: isEnd ? Math.max(from, first.next_offset) : read };
}

function placedEvents(row: FeedRow): PlacedEvent[] {
  const metas = decodeMeta(row.meta, row.batch_end as number);
  const texts = decodeEvents(row.events, metas);
  const tenant = nameOf(row.tenant);
  const conversation = nameOf(row.conversation);
  const epoch = nameOf(row.epoch);
  const seqFirst = row.seq_last - metas.length + 1;
  return metas.map(({ offset, id, fingerprint }, i) => ({
    tenant,
    conversation,
    epoch,
    seq: seqFirst + i,
    offset,
    id,
    fingerprint,
    event: texts[i] as string,
  }));
}
