import type { Expiry } from "../../ports/message-store.ts";
import type { PostgresSession } from "./database.ts";
import { storedName } from "./store-name.ts";

/** Of the advisory lock: "gone" in ASCII, and the place beside it. */
const LOCK_SPACE = 0x67_6f_6e_65;

/** Where the next step goes on. */
export interface ExpiryPosition {
  readonly place: number;
  readonly offset: number;
}

export interface ExpiryStep {
  /** Events that can no longer be read. */
  readonly events: number;
  /** When the first batch that is not over was stored; undefined: none was seen. */
  readonly oldestAt: number | undefined;
  /** Undefined: that was all. */
  readonly next: ExpiryPosition | undefined;
}

interface OldBatch {
  readonly offset_next: number;
  readonly stored_at: number;
  readonly is_over: boolean;
}

/** The places of a partition: what it has now, and what accepted losses left. */
export async function readPlaces(
  session: PostgresSession,
  cluster: string,
  topic: string,
  partition: number,
): Promise<readonly { readonly place: number; readonly nextOffset: number }[]> {
  const rows: { place: number; next_offset: number | null }[] = await session`
    SELECT place, next_offset::float8 AS next_offset FROM consumer_offsets
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition = ${partition}
    UNION ALL
    SELECT place, NULL FROM retired_places
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition = ${partition}
    ORDER BY place`;
  // Nobody looks for the ids of a place that is no more.
  return rows.map(({ place, next_offset }) => ({ place, nextOffset: next_offset ?? Infinity }));
}

/**
 * Removes the oldest events of a place, one step: floors rise first to last, heads stay.
 * Events of the last `windowOffsets` lose their texts only. Ids go with their batch.
 */
export async function expireStep(
  session: PostgresSession,
  { place, offset }: ExpiryPosition,
  nextOffset: number,
  expiry: Expiry,
): Promise<ExpiryStep> {
  const [{ locked }]: [{ locked: boolean }] = await session`
    SELECT pg_try_advisory_xact_lock(${LOCK_SPACE}, ${place}) AS locked`;
  // Another process is at it.
  if (!locked) return { events: 0, oldestAt: undefined, next: undefined };
  const batches: OldBatch[] = await session`
    SELECT offset_next::float8 AS offset_next,
      extract(epoch FROM stored_at)::float8 * 1000 AS stored_at,
      stored_at < to_timestamp(${expiry.storedBefore / 1_000}::float8) AS is_over
    FROM batches WHERE place = ${place} AND offset_next > ${offset}::bigint
    ORDER BY place, offset_next LIMIT ${expiry.batchesMax}`;
  const old = batches.filter(({ is_over }) => is_over).map((batch) => batch.offset_next);
  const windowStart = nextOffset - expiry.windowOffsets;
  const gone = old.filter((end) => end <= windowStart);
  const blank = old.filter((end) => end > windowStart);
  const events =
    (await removeRuns(session, place, gone, expiry.tenant)) +
    (await blankRuns(session, place, blank, expiry.tenant));
  await removeBatches(session, place, gone);
  const last = old.at(-1);
  const isMore = last !== undefined && old.length === expiry.batchesMax;
  const oldestAt = batches.find(({ is_over }) => !is_over)?.stored_at;
  return { events, oldestAt, next: isMore ? { place, offset: last } : undefined };
}

async function removeRuns(
  session: PostgresSession,
  place: number,
  ends: readonly number[],
  tenant: string | undefined,
): Promise<number> {
  if (ends.length === 0) return 0;
  const [{ events }]: [{ events: number }] = await session`
    WITH removed AS (
      DELETE FROM runs r
      WHERE r.place = ${place} AND r.batch_end = ANY(${session.array([...ends], "BIGINT")})
        ${ofTenant(session, tenant)}
      RETURNING r.conversation, r.seq_last, r.seq_count, r.events IS NOT NULL AS was_readable
    ), risen AS (
      UPDATE conversations c
      SET floor = greatest(c.floor, m.seq_last + 1), seq_last = greatest(c.seq_last, m.seq_last)
      FROM (SELECT conversation, max(seq_last) AS seq_last FROM removed GROUP BY conversation) m
      WHERE c.id = m.conversation
    )
    SELECT coalesce(sum(seq_count) FILTER (WHERE was_readable), 0)::float8 AS events FROM removed`;
  return events;
}

async function blankRuns(
  session: PostgresSession,
  place: number,
  ends: readonly number[],
  tenant: string | undefined,
): Promise<number> {
  if (ends.length === 0) return 0;
  const [{ events }]: [{ events: number }] = await session`
    WITH blanked AS (
      UPDATE runs r SET events = NULL
      WHERE r.place = ${place} AND r.batch_end = ANY(${session.array([...ends], "BIGINT")})
        AND r.events IS NOT NULL
        ${ofTenant(session, tenant)}
      RETURNING r.conversation, r.seq_last, r.seq_count
    ), risen AS (
      UPDATE conversations c SET floor = greatest(c.floor, m.seq_last + 1)
      FROM (SELECT conversation, max(seq_last) AS seq_last FROM blanked GROUP BY conversation) m
      WHERE c.id = m.conversation
    )
    SELECT coalesce(sum(seq_count), 0)::float8 AS events FROM blanked`;
  return events;
}

/** Of the runs `r`: those of one tenant, or all of them. */
function ofTenant(session: PostgresSession, tenant: string | undefined) {
  return tenant === undefined
    ? session``
    : session`AND EXISTS (
        SELECT FROM conversations c JOIN tenant_names t ON t.id = c.tenant
        WHERE c.id = r.conversation AND t.name = ${storedName(tenant)}
      )`;
}

/** Those without runs: a batch may have events of tenants that keep theirs longer. */
async function removeBatches(
  session: PostgresSession,
  place: number,
  ends: readonly number[],
): Promise<void> {
  if (ends.length === 0) return;
  const removed: { offset_next: number; id_buckets: Buffer }[] = await session`
    DELETE FROM batches b
    WHERE place = ${place} AND offset_next = ANY(${session.array([...ends], "BIGINT")})
      AND NOT EXISTS (
        SELECT FROM runs r WHERE r.place = b.place AND r.batch_end = b.offset_next
      )
    RETURNING offset_next::float8 AS offset_next, id_buckets`;
  const buckets = new Set(removed.flatMap(({ id_buckets }) => decodeBuckets(id_buckets)));
  if (buckets.size === 0) return;
  await session`
    DELETE FROM id_blocks
    WHERE place = ${place} AND bucket = ANY(${session.array([...buckets], "BIGINT")})
      AND batch_end = ANY(${session.array(
        removed.map(({ offset_next }) => offset_next),
        "BIGINT",
      )})`;
}

function decodeBuckets(bytes: Buffer): number[] {
  // Copied: a buffer of the driver need not be aligned.
  return [...new Float64Array(new Uint8Array(bytes).buffer)];
}
