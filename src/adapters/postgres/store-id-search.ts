import type { IdEntry } from "../../ports/message-store.ts";
import type { PostgresSession } from "./database.ts";
import { eachEntry, idBuckets, type StoreIdIndex } from "./store-id-index.ts";
import { decodeMeta } from "./store-meta.ts";

/** Buckets asked for at once; a second's may hold some hundred kilobytes. */
const BUCKETS_MAX = 64;

interface BlockRow {
  readonly batch_end: number;
  readonly entries: Buffer;
}

/** Runs that may hold a wanted id: ordinals by their batch. */
type Candidates = ReadonlyMap<number, ReadonlySet<number>>;

/** Which of these ids were placed in the partition, and where last. */
export async function searchIds(
  session: PostgresSession,
  index: StoreIdIndex,
  place: number,
  ids: readonly string[],
): Promise<ReadonlyMap<string, IdEntry>> {
  const buckets = new Set<number>();
  const hashes = new Set<number>();
  for (const id of ids) {
    const hash = index.hash(id);
    hashes.add(hash);
    for (const bucket of idBuckets(id, hash)) buckets.add(bucket);
  }
  const wanted = new Set(ids);
  const found = new Map<string, IdEntry>();
  const all = [...buckets];
  for (let at = 0; at < all.length; at += BUCKETS_MAX) {
    const candidates = await readCandidates(
      session,
      place,
      all.slice(at, at + BUCKETS_MAX),
      hashes,
    );
    await compare(session, place, candidates, wanted, found);
  }
  return found;
}

async function readCandidates(
  session: PostgresSession,
  place: number,
  buckets: readonly number[],
  hashes: ReadonlySet<number>,
): Promise<Candidates> {
  const rows: BlockRow[] = await session`
    SELECT batch_end::float8 AS batch_end, entries FROM id_blocks
    WHERE place = ${place} AND bucket = ANY(${session.array([...buckets], "BIGINT")})`;
  const candidates = new Map<number, Set<number>>();
  for (const { batch_end, entries } of rows)
    eachEntry(entries, (hash, ordinal) => {
      if (!hashes.has(hash)) return;
      const ordinals = candidates.get(batch_end);
      if (ordinals) ordinals.add(ordinal);
      else candidates.set(batch_end, new Set([ordinal]));
    });
  return candidates;
}

/** Hashes may be equal by chance: what counts is the id itself. */
async function compare(
  session: PostgresSession,
  place: number,
  candidates: Candidates,
  wanted: ReadonlySet<string>,
  found: Map<string, IdEntry>,
): Promise<void> {
  if (candidates.size === 0) return;
  // By batch: its runs are gone through once, however many of them are asked for.
  const ends = session.array([...candidates.keys()], "BIGINT");
  const lists = session.array(
    Array.from(candidates.values(), (ordinals) => [...ordinals].join(",")),
    "TEXT",
  );
  const rows: { batch_end: number; meta: Buffer }[] = await session`
    SELECT r.batch_end::float8 AS batch_end, r.meta
    FROM unnest(${ends}, ${lists}) AS u (batch_end, ordinals)
    CROSS JOIN LATERAL (
      SELECT batch_end, meta FROM runs
      WHERE place = ${place} AND batch_end = u.batch_end
        AND ordinal = ANY(string_to_array(u.ordinals, ',')::int[])
    ) r`;
  for (const { batch_end, meta } of rows)
    for (const { id, fingerprint, offset } of decodeMeta(meta, batch_end))
      if (wanted.has(id) && offset > (found.get(id)?.offset ?? -Infinity))
        found.set(id, { id, fingerprint, offset });
}
