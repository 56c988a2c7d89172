import type { Database, Statement } from "bun:sqlite";
import type { IdEntry } from "../../ports/message-store.ts";
import { BLOCK_FIELDS, idHash, idTime, secondOf } from "./store-id.ts";
import { decodeEvents, decodeLine } from "./store-run.ts";

interface Candidate {
  readonly offset: number;
  readonly run: number;
}

interface RunLines {
  readonly run: number;
  readonly meta: readonly string[];
  readonly events: readonly string[];
}

type BlockRow = [offsetFirst: number, runFirst: number, entries: Uint8Array];

/** Looks ids up in what the writer's index keeps, and compares them in full. */
export class StoreIdSearch {
  readonly #seed: number;
  readonly #blocks: Statement<unknown, [number, number]>;
  readonly #rows: Statement<Candidate, [number, number, number]>;
  #last: RunLines | undefined;
  readonly #run: Statement<{ meta: string; events: Uint8Array }, [number]>;

  constructor(db: Database) {
    this.#seed = db
      .query<{ value: number }, []>("SELECT value FROM settings WHERE name = 'hash_seed'")
      .get()?.value as number;
    this.#blocks = db.prepare(
      "SELECT offset_first, run_first, entries FROM id_blocks WHERE partition = ? AND second = ?",
    );
    this.#rows = db.prepare(
      "SELECT offset, run FROM ids WHERE partition = ? AND time = ? AND hash = ?",
    );
    this.#run = db.prepare("SELECT meta, events FROM runs WHERE id = ?");
  }

  find(partition: number, ids: readonly string[]): IdEntry[] {
    const bySecond = new Map<number, Map<number, string[]>>();
    const found = new Map<string, IdEntry>();
    for (const id of ids) {
      const time = idTime(id);
      const hash = idHash(id, this.#seed);
      for (const candidate of this.#rows.all(partition, time, hash))
        this.#verify(candidate, [id], found);
      const second = secondOf(time);
      const byHash = bySecond.get(second) ?? new Map<number, string[]>();
      bySecond.set(second, byHash);
      byHash.set(hash, [...(byHash.get(hash) ?? []), id]);
    }
    for (const [second, byHash] of bySecond) {
      if (second !== 0) this.#searchBlocks(partition, second, byHash, found);
    }
    this.#last = undefined;
    return [...found.values()];
  }

  #searchBlocks(
    partition: number,
    second: number,
    byHash: ReadonlyMap<number, string[]>,
    found: Map<string, IdEntry>,
  ): void {
    for (const row of this.#blocks.values(partition, second) as BlockRow[]) {
      const [offsetFirst, runFirst, bytes] = row;
      const entries = new Uint32Array(bytes.slice().buffer);
      for (let at = 0; at < entries.length; at += BLOCK_FIELDS) {
        const ids = byHash.get(entries[at] as number);
        if (ids === undefined) continue;
        const offset = offsetFirst + (entries[at + 1] as number);
        this.#verify({ offset, run: runFirst + (entries[at + 2] as number) }, ids, found);
      }
    }
  }

  /** An id that was placed twice was placed last where its offset is highest. */
  #verify({ offset, run }: Candidate, ids: readonly string[], found: Map<string, IdEntry>): void {
    const lines = this.#lines(run);
    const prefix = `${offset} `;
    const index = lines.meta.findIndex((line) => line.startsWith(prefix));
    if (index < 0) return;
    const entry = decodeLine(lines.meta[index] as string, lines.events[index] as string);
    if (!ids.includes(entry.id)) return;
    const other = found.get(entry.id);
    if (!other || other.offset < entry.offset) found.set(entry.id, entry);
  }

  /** A run's lines; candidates of the same run follow each other. Runs never change. */
  #lines(run: number): RunLines {
    if (this.#last?.run === run) return this.#last;
    const row = this.#run.get(run);
    const meta = row?.meta.split("\n") ?? [];
    const events = row ? decodeEvents(row.events).split("\n") : [];
    this.#last = { run, meta, events };
    return this.#last;
  }
}
