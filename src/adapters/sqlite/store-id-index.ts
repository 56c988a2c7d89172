import type { Database, Statement } from "bun:sqlite";
import { RecentMap } from "../../recent-map.ts";
import { BLOCK_FIELDS, idHash, idTime, secondOf } from "./store-id.ts";

/** Below it a row for each id is as cheap and is found faster. */
const BLOCK_ENTRIES_MIN = 8;
/** What all blocks of one second may cost to read; keys' times are chosen by clients. */
const SECOND_WEIGHT_MAX = 131_072;
/** What a block costs to read, in entries. */
const BLOCK_WEIGHT = 64;
const SECONDS_MAX = 4_096;
const UINT32_MAX = 0xffff_ffff;

interface Group {
  readonly second: number;
  readonly times: number[];
  /** Hash, offset and run of each entry, counted from the batch's. */
  readonly entries: number[];
}

/** One batch's ids with the runs that hold them. */
export interface IdBatch {
  readonly partition: number;
  readonly offsetFirst: number;
  readonly runFirst: number;
  readonly ids: readonly string[];
  readonly offsets: Float64Array;
  /** How many of the ids each run has. */
  readonly counts: readonly number[];
}

/**
 * Finds an id again at any age. A row for each id would cost as much as its event; so ids of the
 * same second of one batch share a row, and only those that are alone get their own.
 */
export class StoreIdIndex {
  readonly #seed: number;
  readonly #weights = new RecentMap<string, number>(SECONDS_MAX);
  readonly #weigh: Statement<{ blocks: number; bytes: number | null }, [number, number]>;
  readonly #addBlock: Statement<unknown, [number, number, number, number, Uint8Array]>;
  readonly #addId: Statement<unknown, [number, number, number, number, number]>;

  constructor(db: Database, seed: number) {
    this.#seed = seed;
    this.#weigh = db.prepare(`
      SELECT count(*) AS blocks, sum(length(entries)) AS bytes
      FROM id_blocks WHERE partition = ? AND second = ?`);
    this.#addBlock = db.prepare(`
      INSERT INTO id_blocks (partition, second, offset_first, run_first, entries)
      VALUES (?, ?, ?, ?, ?)`);
    this.#addId = db.prepare("INSERT INTO ids VALUES (?, ?, ?, ?, ?)");
  }

  /** Must be called whenever the file is not as this object left it. */
  reload(): void {
    this.#weights.clear();
  }

  add(batch: IdBatch): void {
    for (const group of this.#groups(batch)) {
      const count = group.times.length;
      if (
        count < BLOCK_ENTRIES_MIN ||
        group.second === 0 ||
        !this.#takesWeight(batch.partition, group.second, BLOCK_WEIGHT + count)
      )
        this.#addRows(batch, group);
      else
        this.#addBlock.run(
          batch.partition,
          group.second,
          batch.offsetFirst,
          batch.runFirst,
          new Uint8Array(new Uint32Array(group.entries).buffer),
        );
    }
  }

  #groups(batch: IdBatch): Iterable<Group> {
    const groups = new Map<number, Group>();
    let group: Group | undefined;
    let at = 0;
    for (let run = 0; run < batch.counts.length; run++) {
      for (let left = batch.counts[run] as number; left > 0; left--, at++) {
        const id = batch.ids[at] as string;
        const delta = (batch.offsets[at] as number) - batch.offsetFirst;
        const time = idTime(id);
        // Second 0 means "row": an offset that a block cannot hold goes there too.
        const second = delta > UINT32_MAX ? 0 : secondOf(time);
        if (group?.second !== second) {
          group = groups.get(second) ?? { second, times: [], entries: [] };
          groups.set(second, group);
        }
        group.times.push(time);
        group.entries.push(idHash(id, this.#seed), delta, run);
      }
    }
    return groups.values();
  }

  #takesWeight(partition: number, second: number, weight: number): boolean {
    const key = `${partition} ${second}`;
    let sum = this.#weights.get(key);
    if (sum === undefined) {
      const { blocks, bytes } = this.#weigh.get(partition, second) ?? { blocks: 0, bytes: 0 };
      sum = blocks * BLOCK_WEIGHT + (bytes ?? 0) / (4 * BLOCK_FIELDS);
    }
    const takes = sum + weight <= SECOND_WEIGHT_MAX;
    this.#weights.set(key, takes ? sum + weight : sum);
    return takes;
  }

  #addRows(batch: IdBatch, { times, entries }: Group): void {
    for (let i = 0; i < times.length; i++) {
      const at = i * BLOCK_FIELDS;
      this.#addId.run(
        batch.partition,
        times[i] as number,
        entries[at] as number,
        batch.offsetFirst + (entries[at + 1] as number),
        batch.runFirst + (entries[at + 2] as number),
      );
    }
  }
}
