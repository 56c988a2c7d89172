import { AppError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RecordBatch } from "../../ports/event-log.ts";
import type { LogRecord } from "../../wire/record.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { CommitRequest, Fault, WriterReply } from "./log-messages.ts";
import type { LogPace } from "./log-pace.ts";
import { type CheckedRecords, checkRecords, writeRecords } from "./log-text.ts";
import type { WriterThread } from "./log-threads.ts";
import { keyOf, type LogPartition } from "./log-topics.ts";
import { TextBytes } from "./text-bytes.ts";

/** One is flushed, the next one is at the writer already, so that it never waits for this thread. */
const COMMITS_AHEAD = 2;
/** So much goes at once: the writer works while the rest of the turn is still being encoded. */
const COMMIT_NOW_CHARS = 48 * 1024;
/**
 * A second commit goes ahead only when it is this large: below it the disk is not what limits, and
 * waiting for the first one halves the number of flushes.
 */
const AHEAD_CHARS_MIN = 32 * 1024;
/** A row grows by later appends of its partition in the same commit up to here. */
const ROW_CHARS_MAX = 256 * 1024;

interface QueuedAppend {
  readonly target: LogPartition;
  readonly checked: CheckedRecords;
  readonly resolve: (base: number) => void;
  readonly reject: (error: Error) => void;
}

export interface CommitterLimits {
  readonly appendPendingBytesMax: number;
  readonly commitBytesMax: number;
}

/** What the committer tells the log. */
export interface CommitterEvents {
  /** Flushed and numbered; called in offset order for each partition. */
  appended(batch: RecordBatch): void;
  flushed(reply: WriterReply, records: number): void;
}

/**
 * Group commit: whatever was appended while a flush was under way shares the next one. Offsets are
 * given when the flush is done, so that a commit that failed leaves no hole.
 *
 * Order: when a commit fails, all that waits behind it fails too, whatever its partition, at the
 * writer as well as here, so that callers can send again in order.
 */
export class LogCommitter {
  private queue: QueuedAppend[] = [];
  private queuedChars = 0;
  private pendingChars = 0;
  private underWay = 0;
  /** A commit failed, and the one behind it has no answer yet. */
  private failing = false;
  private readonly buffers = new BufferPool(COMMITS_AHEAD);
  private scheduled = false;
  private idle: (() => void)[] = [];
  private readonly clock: Clock;
  private readonly writer: WriterThread;
  private readonly limits: CommitterLimits;
  private readonly events: CommitterEvents;
  private readonly pace: LogPace | undefined;

  /** @param pace may hold commits up; undefined: nothing does */
  constructor(
    clock: Clock,
    writer: WriterThread,
    limits: CommitterLimits,
    events: CommitterEvents,
    pace?: LogPace,
  ) {
    this.clock = clock;
    this.writer = writer;
    this.limits = limits;
    this.events = events;
    this.pace = pace;
  }

  /** Characters of appends that have no outcome yet. */
  get pending(): number {
    return this.pendingChars;
  }

  append(target: LogPartition, records: readonly LogRecord[]): Promise<number> {
    if (records.length === 0)
      return Promise.reject(new RangeError("An append needs at least one record"));
    if (this.pendingChars > this.limits.appendPendingBytesMax)
      return Promise.reject(new AppError("overloaded", "Too much waits for the disk"));
    return new Promise((resolve, reject) => {
      const checked = checkRecords(records);
      this.queue.push({ target, checked, resolve, reject });
      this.queuedChars += checked.chars;
      this.pendingChars += checked.chars;
      this.schedule();
    });
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    while (this.queue.length > 0 || this.underWay > 0)
      await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private schedule(): void {
    if (!this.mayCommit()) return;
    if (this.queuedChars >= COMMIT_NOW_CHARS) {
      this.commit();
      return;
    }
    if (this.scheduled) return;
    this.scheduled = true;
    this.clock.defer(() => {
      this.scheduled = false;
      this.commit();
    });
  }

  private commit(): void {
    while (this.queue.length > 0 && this.mayCommit()) {
      const appends = this.takeAppends();
      const request = this.request(appends);
      this.underWay++;
      this.pace?.committed();
      this.writer.post(request, (reply) => this.settle(appends, reply));
    }
  }

  private mayCommit(): boolean {
    if (this.underWay > 0) {
      // What went behind a commit that is bound to fail would fail too, and so on while load lasts.
      if (this.failing) return false;
      if (this.underWay >= COMMITS_AHEAD || this.queuedChars < AHEAD_CHARS_MIN) return false;
    }
    return this.pace === undefined || !this.pace.holds(() => this.commit());
  }

  private takeAppends(): readonly QueuedAppend[] {
    const appends = this.queue;
    if (this.queuedChars <= this.limits.commitBytesMax) {
      this.queue = [];
      this.queuedChars = 0;
      return appends;
    }
    let chars = 0;
    let count = 0;
    for (const append of appends) {
      if (count > 0 && chars + append.checked.chars > this.limits.commitBytesMax) break;
      chars += append.checked.chars;
      count++;
    }
    this.queue = appends.slice(count);
    this.queuedChars -= chars;
    return appends.slice(0, count);
  }

  private request(appends: readonly QueuedAppend[]): CommitRequest {
    const topics: number[] = [];
    const partitions: number[] = [];
    const counts: number[] = [];
    const lengths: number[] = [];
    const chars = appends.reduce((sum, { checked }) => sum + checked.chars, 0);
    const bytes = new TextBytes(this.buffers.take(), chars);
    for (const { target, parts, count } of rowsOf(appends)) {
      const start = bytes.length;
      topics.push(target.topic.kept.id);
      partitions.push(target.partition);
      counts.push(count);
      for (const part of parts) writeRecords(part, bytes);
      lengths.push(bytes.length - start);
    }
    const { buffer } = bytes;
    const behind = this.underWay > 0;
    const time = this.clock.now();
    return { kind: "commit", behind, time, topics, partitions, counts, lengths, buffer };
  }

  private settle(appends: readonly QueuedAppend[], reply: WriterReply): void {
    this.underWay--;
    if (reply.buffer !== undefined) this.buffers.give(reply.buffer);
    let count = 0;
    if (reply.fault !== undefined) this.fail(appends, reply.fault);
    else {
      // The writer gets its next commit before anybody here looks at this one.
      this.commit();
      count = this.succeed(appends);
    }
    this.events.flushed(reply, count);
    if (this.queue.length > 0 || this.underWay > 0) return;
    for (const wake of this.idle.splice(0)) wake();
  }

  /** @returns how many records they have */
  private succeed(appends: readonly QueuedAppend[]): number {
    let count = 0;
    for (const append of appends) {
      this.pendingChars -= append.checked.chars;
      const { target, checked } = append;
      const { records } = checked;
      const base = target.end;
      target.end += records.length;
      count += records.length;
      append.resolve(base);
      this.events.appended(batchOf(target, base, records));
    }
    return count;
  }

  private fail(appends: readonly QueuedAppend[], fault: Fault): void {
    this.failing = this.underWay > 0;
    const waiting = this.queue;
    this.queue = [];
    this.queuedChars = 0;
    this.reject(appends, fault);
    this.reject(waiting, { code: "log_unavailable", message: "An append before this one failed" });
  }

  private reject(appends: readonly QueuedAppend[], fault: Fault): void {
    for (const append of appends) {
      this.pendingChars -= append.checked.chars;
      append.reject(new AppError(fault.code, fault.message));
    }
  }
}

/** Appends of one partition that the writer adds as one row. */
interface Row {
  readonly target: LogPartition;
  readonly parts: CheckedRecords[];
  chars: number;
  count: number;
}

function rowsOf(appends: readonly QueuedAppend[]): readonly Row[] {
  const rows: Row[] = [];
  const open = new Map<number, Row>();
  for (const { target, checked } of appends) {
    const key = keyOf(target);
    let row = open.get(key);
    if (row === undefined || row.chars + checked.chars > ROW_CHARS_MAX) {
      row = { target, parts: [], chars: 0, count: 0 };
      open.set(key, row);
      rows.push(row);
    }
    row.parts.push(checked);
    row.chars += checked.chars;
    row.count += checked.records.length;
  }
  return rows;
}

/** Records of one partition from `base` on, as readers get them. */
export function batchOf(
  target: LogPartition,
  base: number,
  records: readonly LogRecord[],
): RecordBatch {
  const offsets: number[] = [];
  for (let i = 0; i < records.length; i++) offsets.push(base + i);
  return {
    topic: target.topic.info.name,
    partition: target.partition,
    records,
    offsets,
    nextOffset: base + records.length,
  };
}
