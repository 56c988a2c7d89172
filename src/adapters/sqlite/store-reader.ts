import type { Database, Statement } from "bun:sqlite";
import type { HistoryRange, IdEntry, PartitionId } from "../../ports/message-store.ts";
import { StoreIdSearch } from "./store-id-search.ts";
import { decodeLine } from "./store-run.ts";

/** Columns instead of objects: what crosses to the caller's thread cheaply. */
export interface HeadColumns {
  readonly conversations: readonly string[];
  readonly epochs: readonly string[];
  readonly seqs: readonly number[];
  readonly floors: readonly number[];
}

/** A page of a conversation; its events are lines of one string. */
export interface HistoryLines {
  readonly epoch: string;
  readonly seq: number;
  readonly floor: number;
  readonly seqFirst: number;
  readonly count: number;
  readonly events: string;
}

/** A run as it is stored, with its names. */
export interface FeedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqLast: number;
  readonly count: number;
  readonly meta: string;
  readonly events: string;
}

/** Whole batches; the caller sorts and cuts. */
export interface FeedRuns {
  readonly runs: readonly FeedRun[];
  /** Where the last of the batches ends. */
  readonly nextOffset: number;
}

interface HeadRow {
  readonly id: number;
  readonly epoch: string;
  readonly floor: number;
  readonly seq: number;
}

interface BatchRow {
  readonly offsetNext: number;
  readonly runFirst: number;
  readonly runLast: number;
}

interface RunRow {
  readonly seqLast: number;
  readonly count: number;
  readonly events: string;
}

/**
 * Answers questions out of one file; every method reads one moment of it.
 *
 * `+?` instead of `?`: in a query with an order, or with min and max, SQLite compiles the statement
 * again whenever a bare variable is bound to another value, which takes longer than the query.
 */
export class StoreReader {
  readonly #db: Database;
  readonly #search: StoreIdSearch;
  readonly #head: Statement<HeadRow, [string, string]>;
  readonly #runsUp: Statement<RunRow, [number, number]>;
  readonly #runsDown: Statement<RunRow, [number, number]>;
  readonly #partition: Statement<{ id: number; nextOffset: number }, [string, number]>;
  readonly #batches: Statement<BatchRow, [number, number, number]>;
  readonly #lines: Statement<{ meta: string; events: string }, [number, number]>;
  readonly #feedRuns: Statement<FeedRun, [number, number]>;

  constructor(db: Database) {
    this.#db = db;
    this.#search = new StoreIdSearch(db);
    this.#head = db.prepare(`
      SELECT c.id, c.epoch, c.floor,
        (SELECT max(seq_last) FROM runs WHERE conversation = c.id) AS seq
      FROM conversations c
      WHERE c.tenant = (SELECT id FROM tenants WHERE name = ?) AND c.name = +?
      ORDER BY c.id DESC LIMIT 1`);
    const runs =
      "SELECT seq_last AS seqLast, seq_count AS count, events FROM runs WHERE conversation = +?1";
    this.#runsUp = db.prepare(`${runs} AND seq_last >= +?2 ORDER BY seq_last`);
    // The run that holds the last seq wanted ends at or after it.
    this.#runsDown = db.prepare(`${runs} AND seq_last <= ifnull(
      (SELECT min(seq_last) FROM runs WHERE conversation = +?1 AND seq_last >= +?2), +?2)
      ORDER BY seq_last DESC`);
    this.#partition = db.prepare(
      "SELECT id, next_offset AS nextOffset FROM partitions WHERE topic = ? AND partition = ?",
    );
    this.#batches = db.prepare(`
      SELECT offset_next AS offsetNext, run_first AS runFirst, run_last AS runLast FROM batches
      WHERE partition = +?1 AND offset_next > +?2 AND offset_first >= ifnull(
        (SELECT max(offset_first) FROM batches WHERE partition = +?1 AND offset_first <= +?2), 0)
      ORDER BY offset_first LIMIT ?3`);
    this.#lines = db.prepare("SELECT meta, events FROM runs WHERE id BETWEEN ? AND ?");
    this.#feedRuns = db.prepare(`
      SELECT t.name AS tenant, c.name AS conversation, c.epoch, r.seq_last AS seqLast,
        r.seq_count AS count, r.meta, r.events
      FROM runs r JOIN conversations c ON c.id = r.conversation JOIN tenants t ON t.id = c.tenant
      WHERE r.id BETWEEN ? AND ?`);
  }

  heads(tenant: string, conversations: readonly string[]): HeadColumns {
    const found: string[] = [];
    const epochs: string[] = [];
    const seqs: number[] = [];
    const floors: number[] = [];
    this.#atOneMoment(() => {
      for (const name of conversations) {
        const head = this.#head.get(tenant, name);
        if (!head) continue;
        found.push(name);
        epochs.push(head.epoch);
        seqs.push(head.seq);
        floors.push(head.floor);
      }
    });
    return { conversations: found, epochs, seqs, floors };
  }

  history(range: HistoryRange): HistoryLines {
    return this.#atOneMoment(() => {
      const head = this.#head.get(range.tenant, range.conversation);
      if (!head) return { epoch: "", seq: 0, floor: 1, seqFirst: 1, count: 0, events: "" };
      const { id, epoch, seq, floor } = head;
      const first = Math.max(range.from, floor);
      const last = Math.min(range.to, seq);
      return { epoch, seq, floor, ...this.#page(id, first, last, range) };
    });
  }

  #page(
    conversation: number,
    first: number,
    last: number,
    { order, eventsMax, charsMax }: HistoryRange,
  ): Pick<HistoryLines, "seqFirst" | "count" | "events"> {
    const up = order === "up";
    const parts: string[] = [];
    let count = 0;
    let charsLeft = charsMax;
    const runs = (up ? this.#runsUp : this.#runsDown).iterate(conversation, up ? first : last);
    for (const { seqLast, count: runCount, events } of runs) {
      if (count >= eventsMax || (up ? first + count > last : last - count < first)) break;
      const seqFirst = seqLast - runCount + 1;
      const cut = cutRun(events, {
        skip: Math.max(0, (up ? first + count : first) - seqFirst),
        skipEnd: Math.max(0, seqLast - (up ? last : last - count)),
        count: runCount,
        eventsMax: eventsMax - count,
        charsMax: charsLeft,
        atLeastOne: count === 0,
        up,
      });
      if (cut.count > 0) parts.push(cut.text);
      count += cut.count;
      charsLeft -= cut.chars;
      if (cut.isLast) break;
    }
    if (!up) parts.reverse();
    return { seqFirst: up ? first : last - count + 1, count, events: parts.join("\n") };
  }

  /** Ids of a partition from an offset on, as lines of `offset fingerprint id`. */
  window(id: PartitionId, from: number): string {
    const lines: string[] = [];
    this.#atOneMoment(() => {
      const partition = this.#partition.get(id.topic, id.partition);
      if (!partition) return;
      for (const { runFirst, runLast } of this.#batches.all(partition.id, from, -1)) {
        const entries: IdEntry[] = [];
        for (const run of this.#lines.all(runFirst, runLast)) {
          const events = run.events.split("\n");
          const meta = run.meta.split("\n");
          for (let i = 0; i < meta.length; i++) {
            const entry = decodeLine(meta[i] as string, events[i] as string);
            if (entry.offset >= from) entries.push(entry);
          }
        }
        entries.sort((a, b) => a.offset - b.offset);
        for (const entry of entries) lines.push(`${entry.offset} ${entry.fingerprint} ${entry.id}`);
      }
    });
    return lines.join("\n");
  }

  findIds(id: PartitionId, ids: readonly string[]): IdEntry[] {
    return this.#atOneMoment(() => {
      const partition = this.#partition.get(id.topic, id.partition);
      return partition ? this.#search.find(partition.id, ids) : [];
    });
  }

  feed(id: PartitionId, from: number, eventsMax: number): FeedRuns {
    return this.#atOneMoment(() => {
      const partition = this.#partition.get(id.topic, id.partition);
      const end = partition?.nextOffset ?? 0;
      if (!partition || from >= end) return { runs: [], nextOffset: Math.max(from, end) };
      const runs: FeedRun[] = [];
      let nextOffset = from;
      // The first batch may lie before `from` in part, so it is not counted.
      for (let counted = 0, batches = 0; counted < eventsMax; batches++) {
        const batch = this.#batches.get(partition.id, nextOffset, 1);
        if (!batch) return { runs, nextOffset: end };
        const found = this.#feedRuns.all(batch.runFirst, batch.runLast);
        runs.push(...found);
        if (batches > 0) for (const run of found) counted += run.count;
        nextOffset = batch.offsetNext;
      }
      return { runs, nextOffset };
    });
  }

  offsets(): (PartitionId & { readonly nextOffset: number })[] {
    return this.#db
      .query<PartitionId & { nextOffset: number }, []>(
        `SELECT topic, partition, next_offset AS nextOffset FROM partitions
         WHERE incarnation IS NOT NULL`,
      )
      .all();
  }

  #atOneMoment<Result>(read: () => Result): Result {
    this.#db.run("BEGIN");
    try {
      return read();
    } finally {
      this.#db.run("COMMIT");
    }
  }
}

interface Cut {
  /** Events not wanted at the start and the end of the run. */
  readonly skip: number;
  readonly skipEnd: number;
  readonly count: number;
  readonly eventsMax: number;
  readonly charsMax: number;
  readonly atLeastOne: boolean;
  readonly up: boolean;
}

/** The part of a run that a page takes. `isLast`: the page is full. */
function cutRun(
  text: string,
  { skip, skipEnd, count, eventsMax, charsMax, atLeastOne, up }: Cut,
): {
  readonly text: string;
  readonly count: number;
  readonly chars: number;
  readonly isLast: boolean;
} {
  const chars = text.length - (count - 1);
  if (skip === 0 && skipEnd === 0 && count <= eventsMax && chars <= charsMax)
    return { text, count, chars, isLast: false };
  const wanted = text.split("\n").slice(skip, count - skipEnd);
  if (!up) wanted.reverse();
  const taken: string[] = [];
  let sum = 0;
  for (const event of wanted.slice(0, eventsMax)) {
    const first = atLeastOne && taken.length === 0;
    if (!first && sum + event.length > charsMax) break;
    sum += event.length;
    taken.push(event);
  }
  const isLast = taken.length < wanted.length;
  if (!up) taken.reverse();
  return { text: taken.join("\n"), count: taken.length, chars: sum, isLast };
}
