import { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { AppError } from "../../errors.ts";
import { openDatabase } from "./database.ts";
import { ChunkIndex, packNumbers, unpackNumbers } from "./log-index.ts";
import type { PartitionOffset, ReadReply, ReadRequest } from "./log-messages.ts";
import { createSegmentTables, partitionKey, SEGMENT_STATE, segmentState } from "./log-segment.ts";

const CACHE_BYTES = 2 * 1024 * 1024;

interface BatchHead {
  readonly id: number;
  readonly topic: number;
  readonly partition: number;
  readonly base: number;
  readonly count: number;
  readonly time: number;
  readonly bytes: number;
}

// A mark at the start would be part of the record's key.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

interface BatchBody {
  readonly base: number;
  readonly count: number;
  readonly sum: number;
  readonly text: Uint8Array;
}

/**
 * Reads one segment. A sealed one brings its index along; for one that is still written, the index
 * is kept here and brought up to date when somebody reads.
 */
export class SegmentReader {
  readonly number: number;
  readonly path: string;
  readonly chunks = new Map<number, ChunkIndex>();
  state: number = SEGMENT_STATE.prepared;
  private db: Database | undefined;
  private lastId = 0;

  constructor(number: number, path: string) {
    this.number = number;
    this.path = path;
  }

  /** Makes the file if it is not there. */
  open(): void {
    if (this.openSealed()) return;
    const db = this.database();
    createSegmentTables(db);
    this.state = segmentState(db);
    if (this.state === SEGMENT_STATE.sealed) {
      // A crash came between the index and the end of sealing.
      this.loadSummaries(db);
      this.seal();
    } else this.refresh();
  }

  get isOpen(): boolean {
    return this.db !== undefined;
  }

  get bytes(): number {
    const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return size(this.path) + size(`${this.path}-wal`);
  }

  /** Where every partition stood when the segment was begun. */
  starts(): readonly PartitionOffset[] {
    return this.database()
      .query<PartitionOffset, []>("SELECT topic, partition, next AS offset FROM start")
      .all();
  }

  /** Marks a prepared segment as the first one that is written. */
  begin(): void {
    this.database().run(`PRAGMA user_version = ${SEGMENT_STATE.begun}`);
    this.state = SEGMENT_STATE.begun;
  }

  /** Takes up the rows that were added since. @throws log_corrupt when offsets do not follow */
  refresh(): void {
    if (this.state === SEGMENT_STATE.sealed) return;
    const db = this.database();
    const rows = db
      .query<BatchHead, [number]>(
        "SELECT id, topic, partition, base, count, time, length(text) AS bytes FROM batch WHERE id > ? ORDER BY id",
      )
      .iterate(this.lastId);
    const starts = new Map<number, number>();
    if (this.lastId === 0)
      for (const { topic, partition, offset } of this.starts())
        starts.set(partitionKey(topic, partition), offset);
    for (const row of rows) {
      const key = partitionKey(row.topic, row.partition);
      let chunk = this.chunks.get(key);
      if (chunk === undefined) {
        chunk = new ChunkIndex(row.topic, row.partition, starts.get(key) ?? row.base);
        chunk.rows = { bases: [], ids: [] };
        this.chunks.set(key, chunk);
      }
      if (row.base !== chunk.next)
        throw this.corrupt(`row ${row.id} begins at ${row.base}, not at ${chunk.next}`);
      chunk.rows?.bases.push(row.base);
      chunk.rows?.ids.push(row.id);
      chunk.next = row.base + row.count;
      chunk.bytes += row.bytes;
      chunk.time = Math.max(chunk.time, row.time);
      this.lastId = row.id;
    }
  }

  /** Rows from the one that holds the offset on. The chunk must hold it. */
  read(chunk: ChunkIndex, request: ReadRequest): ReadReply {
    const db = this.database();
    chunk.rows ??= this.loadRows(db, chunk);
    const body = db.query<BatchBody, [number]>(
      "SELECT base, count, sum, text FROM batch WHERE id = ?",
    );
    const counts: number[] = [];
    const texts: string[] = [];
    let at = chunk.find(request.offset);
    const base = chunk.rows.bases[at] as number;
    let next = base;
    let chars = 0;
    const stop = Math.min(request.end, request.offset + request.recordsMax);
    while (next < stop && at < chunk.rows.ids.length) {
      const id = chunk.rows.ids[at] as number;
      const row = body.get(id);
      if (row === null || row.base !== next) throw this.corrupt(`row ${id} is not at ${next}`);
      if (Bun.hash.crc32(row.text) !== row.sum)
        throw this.corrupt(`row ${id} has a wrong checksum`);
      const text = decoder.decode(row.text);
      chars += text.length;
      if (counts.length > 0 && chars > request.charsMax) break;
      counts.push(row.count);
      texts.push(text);
      next += row.count;
      at++;
    }
    return { base, counts, texts };
  }

  /**
   * Adds the index and moves everything from the write-ahead log into the file. Nobody may write
   * any more. Idempotent.
   */
  seal(): void {
    const db = this.database();
    if (this.state !== SEGMENT_STATE.sealed) {
      this.refresh();
      const insert = db.prepare("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
      db.transaction(() => {
        for (const chunk of this.chunks.values()) {
          const { topic, partition, first, next, bytes, time, rows } = chunk;
          const bases = packNumbers(rows?.bases ?? []);
          insert.run(
            topic,
            partition,
            first,
            next,
            bytes,
            time,
            bases,
            packNumbers(rows?.ids ?? []),
          );
        }
        db.run(`PRAGMA user_version = ${SEGMENT_STATE.sealed}`);
      })();
      insert.finalize();
      this.state = SEGMENT_STATE.sealed;
    }
    this.checkpoint();
    // One plain file without companions; refused while the writer still has it open, and tried
    // again at the next start.
    db.run("PRAGMA journal_mode = DELETE");
  }

  /** Moves the write-ahead log into the file and empties it. */
  checkpoint(): void {
    this.database().run("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Frees the connection and the row lists; the summaries stay. Sealed segments only. */
  close(): void {
    this.db?.close(true);
    this.db = undefined;
    if (this.state === SEGMENT_STATE.sealed)
      for (const chunk of this.chunks.values()) chunk.rows = undefined;
  }

  private database(): Database {
    if (this.db === undefined && this.state === SEGMENT_STATE.sealed) this.openSealed();
    this.db ??= openDatabase({ path: this.path, synchronous: "FULL", cacheBytes: CACHE_BYTES });
    return this.db;
  }

  /** A sealed file has no companions and is not touched again, so it is opened read-only. */
  private openSealed(): boolean {
    const companions = ["-wal", "-journal"].some((suffix) => existsSync(this.path + suffix));
    if (!existsSync(this.path) || companions) return false;
    const db = new Database(this.path, { readonly: true, strict: true });
    if (segmentState(db) !== SEGMENT_STATE.sealed) {
      db.close(true);
      return false;
    }
    this.db = db;
    this.state = SEGMENT_STATE.sealed;
    if (this.chunks.size === 0) this.loadSummaries(db);
    return true;
  }

  private loadSummaries(db: Database): void {
    type Row = Record<"topic" | "partition" | "first" | "next" | "bytes" | "time", number>;
    const rows = db
      .query<Row, []>("SELECT topic, partition, first, next, bytes, time FROM chunk")
      .all();
    for (const row of rows) {
      const chunk = new ChunkIndex(row.topic, row.partition, row.first);
      chunk.next = row.next;
      chunk.bytes = row.bytes;
      chunk.time = row.time;
      this.chunks.set(partitionKey(row.topic, row.partition), chunk);
    }
  }

  private loadRows(db: Database, chunk: ChunkIndex): { bases: number[]; ids: number[] } {
    const row = db
      .query<{ bases: Uint8Array; ids: Uint8Array }, [number, number]>(
        "SELECT bases, ids FROM chunk WHERE topic = ? AND partition = ?",
      )
      .get(chunk.topic, chunk.partition);
    if (row === null) throw this.corrupt("the index of a partition is missing");
    return { bases: unpackNumbers(row.bases), ids: unpackNumbers(row.ids) };
  }

  private corrupt(what: string): AppError {
    return new AppError("log_corrupt", `${this.path}: ${what}`);
  }
}
