import { RecentMap } from "../../recent-map.ts";
import type { PostgresSession } from "./database.ts";
import { idSecond } from "./id-second.ts";
import type { EncodedBatch } from "./store-run.ts";

/** Of an entry: hash and ordinal, 32 bits each. */
const ENTRY_NUMBERS = 2;
const ENTRY_BYTES = 8;
/** Ids of one second of one partition that a look-up may have to go through. */
const SECOND_IDS_MAX = 20_000;

/** A row of `id_blocks`. */
export interface IdBlock {
  readonly bucket: number;
  /** Little-endian, like every machine this runs on. */
  readonly entries: Uint8Array;
}

/**
 * Ids by the second of their key, which is append-like, and small: a row for the ids of one second
 * of one batch. Clients choose keys: ids without a time, and those of a second that has too many,
 * get a row each under their hash.
 */
export class StoreIdIndex {
  /** Of the hash of ids. */
  readonly seed: number;
  /** Ids by partition and second, to know when there are too many. */
  readonly #counts: RecentMap<string, number>;

  constructor(seed: number, secondsMax: number) {
    this.seed = seed;
    this.#counts = new RecentMap(secondsMax);
  }

  /** 32 bits; the id itself is compared afterwards. */
  hash(id: string): number {
    return Bun.hash.xxHash32(id, this.seed);
  }

  /** Reads how many ids the seconds of these batches have that nobody counted yet. */
  async load(
    session: PostgresSession,
    batches: readonly { readonly place: number; readonly batch: EncodedBatch }[],
  ): Promise<void> {
    const unknown = new Map<string, { place: number; second: number }>();
    for (const { place, batch } of batches) {
      let last = Number.NaN;
      for (const second of batch.seconds) {
        if (Number.isNaN(second) || second === last) continue;
        last = second;
        const key = countKey(place, second);
        if (this.#counts.get(key) === undefined) unknown.set(key, { place, second });
      }
    }
    if (unknown.size === 0) return;
    const list = [...unknown.values()];
    const rows: { place: number; second: number; ids: number }[] = await session`
      SELECT u.place, u.second::float8 AS second,
        (SELECT coalesce(sum(octet_length(b.entries)), 0) / ${ENTRY_BYTES}::int
          FROM id_blocks b WHERE b.place = u.place AND b.bucket = u.second)::float8 AS ids
      FROM unnest(
        ${session.array(
          list.map(({ place }) => place),
          "INT",
        )},
        ${session.array(
          list.map(({ second }) => second),
          "BIGINT",
        )}
      ) AS u (place, second)`;
    for (const { place, second, ids } of rows) this.#counts.set(countKey(place, second), ids);
  }

  /** The rows of a batch, whose seconds are loaded. */
  blocks(place: number, { hashes, seconds, ordinals }: EncodedBatch): readonly IdBlock[] {
    const bySecond = new Map<number, number[]>();
    const alone: IdBlock[] = [];
    let last = Number.NaN;
    let block: number[] | undefined;
    for (let i = 0; i < hashes.length; i++) {
      const hash = hashes[i] as number;
      const ordinal = ordinals[i] as number;
      const second = seconds[i] as number;
      if (second !== last) {
        last = second;
        block = bySecond.get(second);
        if (block === undefined && !Number.isNaN(second) && this.#hasRoom(place, second))
          bySecond.set(second, (block = []));
      }
      if (block !== undefined) block.push(hash, ordinal);
      else alone.push({ bucket: hashBucket(hash), entries: entryBytes([hash, ordinal]) });
    }
    const blocks = [...bySecond].map(([second, numbers]) => {
      const key = countKey(place, second);
      // Counted before the commit: one that fails makes the second seem fuller, which does no harm.
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + numbers.length / ENTRY_NUMBERS);
      return { bucket: second, entries: entryBytes(numbers) };
    });
    return alone.length === 0 ? blocks : [...blocks, ...alone];
  }

  #hasRoom(place: number, second: number): boolean {
    return (this.#counts.get(countKey(place, second)) ?? 0) < SECOND_IDS_MAX;
  }
}

/** The buckets that an id may be in. */
export function idBuckets(id: string, hash: number): readonly number[] {
  const second = idSecond(id);
  return Number.isNaN(second) ? [hashBucket(hash)] : [second, hashBucket(hash)];
}

/** Calls back with each entry of a row of `id_blocks`. */
export function eachEntry(
  entries: Uint8Array,
  visit: (hash: number, ordinal: number) => void,
): void {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
  for (let at = 0; at < entries.byteLength; at += ENTRY_BYTES)
    visit(view.getUint32(at, true), view.getUint32(at + 4, true));
}

function entryBytes(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(numbers).buffer);
}

function hashBucket(hash: number): number {
  return -1 - hash;
}

function countKey(place: number, second: number): string {
  return `${place} ${second}`;
}
