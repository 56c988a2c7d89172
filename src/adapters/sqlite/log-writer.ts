import type { Database, Statement } from "bun:sqlite";
import { AppError } from "../../errors.ts";
import { openDatabase } from "./database.ts";
import { writeFault } from "./log-fault.ts";
import type { CommitRequest, WriterReply, WriterRequest } from "./log-messages.ts";
import { partitionKey, partitionOfKey, SEGMENT_STATE, topicOfKey } from "./log-segment.ts";

const INSERT =
  "INSERT INTO batch (topic, partition, base, count, time, sum, text) VALUES (?, ?, ?, ?, ?, ?, ?)";

/** Holds the pages of a whole commit, so that they are not spilled before it. */
const CACHE_BYTES = 16 * 1024 * 1024;

const PAGE_BYTES = 4096;
const FRAME_BYTES = PAGE_BYTES + 24;
/** Pages of the tree that a commit touches besides its texts. */
const COMMIT_FRAMES = 2;

/** topic, partition, base, count, time, sum, text */
type Row = [number, number, number, number, number, number, Uint8Array];

interface OpenSegment {
  readonly db: Database;
  readonly path: string;
  readonly insert: Statement<unknown, Row>;
  readonly begin: Statement<unknown, []>;
  readonly commit: Statement<unknown, []>;
}

/**
 * The only writer of the log, in a thread of its own: one transaction and one flush for each
 * request, however many appends are in it. It never checkpoints; the keeper does that to segments
 * that were left.
 */
export class LogWriter {
  private segment: OpenSegment | undefined;
  private synchronous: "FULL" | "OFF" = "FULL";
  /** Of the live segment's write-ahead log, about. */
  private frames = 0;
  private readonly ends = new Map<number, number>();
  /** Of the last commit; those that were posted before its answer fail too. */
  private failed = false;

  handle(request: WriterRequest): WriterReply {
    try {
      return this.answer(request);
    } catch (error) {
      const fault = writeFault(error, this.segment?.path ?? "the log");
      return { fault, flushMs: 0, walBytes: this.walBytes() };
    }
  }

  private answer(request: WriterRequest): WriterReply {
    let flushMs = 0;
    switch (request.kind) {
      case "open":
        this.synchronous = request.synchronous;
        for (const { topic, partition, offset } of request.ends)
          this.ends.set(partitionKey(topic, partition), offset);
        this.segment = this.openSegment(request.path);
        this.frames = Math.floor(request.walBytes / FRAME_BYTES);
        break;
      case "commit":
        if (request.behind && this.failed)
          throw new AppError("log_unavailable", "A commit before this one failed");
        this.failed = true;
        flushMs = this.commit(request);
        this.failed = false;
        break;
      case "roll":
        this.roll(request.path);
        break;
      case "limit":
        this.current().db.run(`PRAGMA max_page_count = ${request.pagesMax}`);
        break;
      case "close":
        this.close();
        break;
    }
    return { flushMs, walBytes: this.walBytes() };
  }

  private commit(request: CommitRequest): number {
    const { topics, partitions, counts, lengths, buffer, time } = request;
    let at = 0;
    const { db, begin, insert, commit } = this.current();
    const before = performance.now();
    const moved = new Map<number, number>();
    try {
      begin.run();
      for (let i = 0; i < lengths.length; i++) {
        const topic = topics[i] as number;
        const partition = partitions[i] as number;
        const count = counts[i] as number;
        const text = new Uint8Array(buffer, at, lengths[i] as number);
        at += text.length;
        const key = partitionKey(topic, partition);
        const base = moved.get(key) ?? this.ends.get(key) ?? 0;
        insert.run(topic, partition, base, count, time, Bun.hash.crc32(text), text);
        moved.set(key, base + count);
      }
      commit.run();
    } catch (error) {
      if (db.inTransaction) db.run("ROLLBACK");
      throw error;
    }
    for (const [key, end] of moved) this.ends.set(key, end);
    this.frames +=
      COMMIT_FRAMES + lengths.reduce((sum, bytes) => sum + Math.ceil(bytes / PAGE_BYTES), 0);
    return performance.now() - before;
  }

  /** The new segment knows where every partition stands, so that older ones may be deleted. */
  private roll(path: string): void {
    const next = this.openSegment(path);
    try {
      const start = next.db.prepare("INSERT INTO start (topic, partition, next) VALUES (?, ?, ?)");
      next.db.transaction(() => {
        for (const [key, end] of this.ends) start.run(topicOfKey(key), partitionOfKey(key), end);
        next.db.run(`PRAGMA user_version = ${SEGMENT_STATE.begun}`);
      })();
      start.finalize();
    } catch (error) {
      closeSegment(next);
      throw error;
    }
    closeSegment(this.current());
    this.segment = next;
    this.frames = 0;
  }

  private openSegment(path: string): OpenSegment {
    const db = openDatabase({ path, synchronous: this.synchronous, cacheBytes: CACHE_BYTES });
    return {
      db,
      path,
      insert: db.prepare<unknown, Row>(INSERT),
      begin: db.prepare<unknown, []>("BEGIN IMMEDIATE"),
      commit: db.prepare<unknown, []>("COMMIT"),
    };
  }

  private current(): OpenSegment {
    if (this.segment === undefined) throw new AppError("closed", "The log's writer is closed");
    return this.segment;
  }

  /** Frames are counted, since the file has room ahead of them. */
  private walBytes(): number {
    return this.frames * FRAME_BYTES;
  }

  private close(): void {
    if (this.segment !== undefined) closeSegment(this.segment);
    this.segment = undefined;
  }
}

/**
 * Cheap, because the keeper has the segment open too: only the last connection to leave checkpoints.
 * Statements are finalized first, else SQLite would keep the connection until they are collected.
 */
function closeSegment(segment: OpenSegment): void {
  segment.insert.finalize();
  segment.begin.finalize();
  segment.commit.finalize();
  segment.db.close(true);
}
