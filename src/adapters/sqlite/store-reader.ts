import type { Database, Statement } from "bun:sqlite";
import type { ConversationHead } from "../../ports/message-import.ts";
import type { HistoryRange, IdEntry, PartitionId } from "../../ports/message-store.ts";
import { type HistoryPart, StoreHistory } from "./store-history.ts";
import { StoreIdSearch } from "./store-id-search.ts";
import { decodeEvents, decodeLine } from "./store-run.ts";

/** Columns instead of objects: what crosses to the caller's thread cheaply. */
export interface HeadColumns {
  readonly conversations: readonly string[];
  readonly epochs: readonly string[];
  readonly seqs: readonly number[];
  readonly floors: readonly number[];
}

/** A page of a conversation; its events are lines of one string. */
export interface HistoryLines extends HistoryPart {
  readonly epoch: string;
  readonly seq: number;
  readonly floor: number;
}

/** A run as it is stored, with its names. */
export interface FeedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqLast: number;
  readonly count: number;
  readonly meta: string;
  readonly events: Uint8Array;
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
  readonly runLast: number;
}

interface BatchRow {
  readonly offsetNext: number;
  readonly runFirst: number;
  readonly runLast: number;
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
  readonly #history: StoreHistory;
  readonly #tenant: Statement<{ id: number }, [string]>;
  readonly #head: Statement<HeadRow, [number, string]>;
  readonly #partition: Statement<{ id: number; nextOffset: number }, [string, number]>;
  readonly #batches: Statement<BatchRow, [number, number, number]>;
  readonly #lines: Statement<{ meta: string; events: Uint8Array }, [number, number]>;
  readonly #feedRuns: Statement<FeedRun, [number, number]>;

  constructor(db: Database) {
    this.#db = db;
    this.#search = new StoreIdSearch(db);
    this.#head = db.prepare(`
      SELECT conversation AS id, epoch, floor, seq_last AS seq, run_last AS runLast FROM conversations
      WHERE tenant = +? AND name = +? ORDER BY rowid DESC LIMIT 1`);
    this.#tenant = db.prepare("SELECT id FROM tenants WHERE name = ?");
    this.#history = new StoreHistory(db);
    this.#partition = db.prepare(
      "SELECT id, next_offset AS nextOffset FROM partitions WHERE topic = ? AND partition = ?",
    );
    this.#batches = db.prepare(`
      SELECT offset_next AS offsetNext, run_first AS runFirst, run_last AS runLast FROM batches
      WHERE partition = +?1 AND offset_next > +?2 AND offset_first >= ifnull(
        (SELECT max(offset_first) FROM batches WHERE partition = +?1 AND offset_first <= +?2), +?2)
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
      const tenantId = this.#tenant.get(tenant)?.id ?? 0;
      for (const name of conversations) {
        const head = this.#head.get(tenantId, name);
        if (!head) continue;
        found.push(name);
        epochs.push(head.epoch);
        seqs.push(head.seq);
        floors.push(head.floor);
      }
    });
    return { conversations: found, epochs, seqs, floors };
  }

  conversations(tenant: string, after: string, max: number): ConversationHead[] {
    return this.#db
      .query<ConversationHead, [string, string, number]>(
        `SELECT name AS conversation, epoch, seq_last AS seq, floor FROM conversations
         WHERE id IN (
           SELECT max(id) FROM conversations
           WHERE tenant = (SELECT id FROM tenants WHERE name = ?) AND name > ?
           GROUP BY name ORDER BY name LIMIT ?
         ) ORDER BY name`,
      )
      .all(tenant, after, max);
  }

  history(range: HistoryRange): HistoryLines {
    return this.#atOneMoment(() => {
      const tenant = this.#tenant.get(range.tenant)?.id ?? 0;
      const head = this.#head.get(tenant, range.conversation);
      if (!head) return { epoch: "", seq: 0, floor: 1, seqFirst: 1, count: 0, events: "" };
      const { id, epoch, seq, floor, runLast } = head;
      const first = Math.max(range.from, floor);
      const last = Math.min(range.to, seq);
      return { epoch, seq, floor, ...this.#history.page({ id, runLast }, first, last, range) };
    });
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
          const events = decodeEvents(run.events).split("\n");
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
