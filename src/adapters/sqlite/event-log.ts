import { AppError, asAppError } from "../../errors.ts";
import { Coordinator } from "../../group/coordinator.ts";
import { type Limits, limitsWith } from "../../limits.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type {
  ConsumeOptions,
  Consumer,
  EventLog,
  PartitionRange,
  RecordBatch,
  TopicInfo,
} from "../../ports/event-log.ts";
import type { Random } from "../../ports/random.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { TopicSpec } from "../../topics.ts";
import type { LogRecord } from "../../wire/record.ts";
import { batchOf, LogCommitter } from "./log-committer.ts";
import { LogGroupOffsets } from "./log-group-offsets.ts";
import { type FolderLock, lockFolder } from "./log-lock.ts";
import type { OpenedLog } from "./log-messages.ts";
import { LogPace } from "./log-pace.ts";
import { ReadGate } from "./log-read-gate.ts";
import { LogRoller } from "./log-roller.ts";
import { LogCounters, type LogStats } from "./log-stats.ts";
import { decodeRecords } from "./log-text.ts";
import { KeeperThread, WriterThread } from "./log-threads.ts";
import { type LogPartition, LogTopics } from "./log-topics.ts";

export interface SqliteEventLogOptions {
  /** Made if it is not there; one process at a time. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry?: Telemetry;
  readonly limits?: Partial<Limits>;
  /** A consumer group of this process that appends must not leave behind; none when absent. */
  readonly pacedBy?: string;
  /** Ms between two looks at retention. */
  readonly retentionIntervalMs?: number;
  /** Only for tests that must see what happens without a flush. */
  readonly synchronousForTests?: "OFF";
}

const RETENTION_INTERVAL_MS = 60_000;
/** One page is read while another one is taken apart. */
const READS_AT_ONCE = 2;
/** A segment that is written slowly is left after this time, so that its records can expire. */
const SEGMENT_AGE_MS_MAX = 24 * 3_600_000;

interface Parts {
  readonly lock: FolderLock;
  readonly writer: WriterThread;
  readonly keeper: KeeperThread;
  readonly opened: OpenedLog;
}

/**
 * The standalone log: a chain of SQLite files, written by one thread with one flush for all that
 * waits, read and kept in order by another. See docs/adr/0003-standalone-log.md.
 */
export class SqliteEventLog implements EventLog {
  readonly durability = "disk";
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly telemetry: Telemetry | undefined;
  private readonly limits: Limits;
  private readonly parts: Parts;
  private readonly table = new LogTopics();
  private readonly committer: LogCommitter;
  private readonly coordinator: Coordinator;
  private readonly offsets: LogGroupOffsets;
  private readonly roller: LogRoller;
  private readonly counters: LogCounters;
  private readonly retention: Timer;
  private readonly gate = new ReadGate(READS_AT_ONCE);
  private retaining: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private closed = false;
  private creating: Promise<unknown> = Promise.resolve();

  constructor(options: SqliteEventLogOptions, parts: Parts) {
    const { writer, keeper, opened } = parts;
    this.clock = options.clock;
    this.random = options.random;
    this.telemetry = options.telemetry;
    this.limits = limitsWith(options.limits);
    this.parts = parts;
    this.table.load(opened);
    this.counters = new LogCounters(options.telemetry, () => this.committer.pending);
    this.counters.size = opened.size;
    this.offsets = new LogGroupOffsets(options.clock, keeper, this.table, opened.committed);
    this.roller = new LogRoller(
      opened.live,
      this.limits.segmentBytesMax,
      options.clock,
      writer,
      keeper,
      this.counters,
      (what, error) => this.warn(`The log could not ${what}`, error),
    );
    this.coordinator = new Coordinator(options.clock, this.offsets, {
      source: {
        topic: (name) => this.table.get(name)?.info,
        bounds: (topic, partition) => this.bounds(topic, partition),
        read: (...args) => this.read(...args),
      },
      pageRecordsMax: this.limits.readPageRecordsMax,
    });
    const { pacedBy } = options;
    const pace =
      pacedBy === undefined
        ? undefined
        : new LogPace(options.clock, this.limits, {
            lag: () => this.coordinator.lagOf(pacedBy),
            held: (ms) => this.counters.held(ms),
          });
    this.committer = new LogCommitter(
      options.clock,
      writer,
      this.limits,
      {
        appended: (batch) => this.coordinator.appended(batch),
        flushed: (reply, records) => {
          if (reply.fault === undefined) this.counters.flushed(reply.flushMs, records);
          else this.counters.failed();
          this.roller.grown(reply.walBytes);
        },
      },
      pace,
    );
    this.retention = options.clock.every(
      options.retentionIntervalMs ?? RETENTION_INTERVAL_MS,
      () => void this.retain().catch((error) => this.warn("Retention failed", asAppError(error))),
    );
  }

  async createTopic(spec: TopicSpec): Promise<TopicInfo> {
    this.assertOpen();
    // One after the other, else two calls would make the same topic twice.
    const made = this.creating.then(() => this.makeTopic(spec));
    this.creating = made.catch(() => undefined);
    return made;
  }

  async describeTopic(name: string): Promise<TopicInfo | undefined> {
    this.assertOpen();
    return this.table.get(name)?.info;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    this.assertOpen();
    return this.table.all().map((topic) => topic.info);
  }

  async deleteTopic(name: string): Promise<void> {
    this.assertOpen();
    const gone = this.creating.then(async () => {
      const topic = this.table.get(name);
      if (topic === undefined) return;
      this.table.remove(topic);
      this.coordinator.topicGone(name);
      this.offsets.forget(topic.kept.id);
      await this.parts.keeper.call("deleteTopic", { id: topic.kept.id });
    });
    this.creating = gone.catch(() => undefined);
    return gone;
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    try {
      this.assertOpen();
      return this.committer.append(this.table.partition(topic, partition), records);
    } catch (error) {
      return Promise.reject(asAppError(error));
    }
  }

  async range(topic: string, partition: number): Promise<PartitionRange> {
    this.assertOpen();
    return this.bounds(topic, partition);
  }

  async read(
    topic: string,
    partition: number,
    offset: number,
    recordsMax: number,
  ): Promise<RecordBatch> {
    this.assertOpen();
    const target = this.table.partition(topic, partition);
    assertReadable(target, offset);
    if (offset === target.end || recordsMax <= 0) return batchOf(target, offset, []);
    const reply = await this.gate
      .run(() =>
        this.parts.keeper.call("read", {
          topic: target.topic.kept.id,
          partition,
          offset,
          end: target.end,
          recordsMax,
          charsMax: this.limits.readPageBytesMax,
        }),
      )
      .catch((error: unknown) => {
        // Retention may have been faster than the request.
        assertReadable(target, offset);
        throw error;
      });
    const records: LogRecord[] = [];
    let base = reply.base;
    reply.texts.forEach((text, i) => {
      const count = reply.counts[i] as number;
      const skip = Math.max(0, offset - base);
      const seen = decodeRecords(text, skip, recordsMax, records);
      if (seen !== count && records.length < recordsMax)
        throw new AppError(
          "log_corrupt",
          `${topic}/${partition}: ${seen} of ${count} records at ${base}`,
        );
      base += count;
    });
    return batchOf(target, offset, records);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.assertOpen();
    return this.coordinator.consume(options);
  }

  async committed(group: string, topic: string, partition: number): Promise<number | undefined> {
    this.assertOpen();
    return this.offsets.get(group, topic, partition);
  }

  close(): Promise<void> {
    this.closing ??= this.shutDown();
    return this.closing;
  }

  /** Counts and flush times since the log was opened. */
  stats(): LogStats {
    return this.counters.read();
  }

  /** Leaves the live segment now; for tests, and before a copy of the folder is taken. */
  async roll(): Promise<void> {
    await this.roller.force();
  }

  /** Applies retention now: what it expires can no longer be read, whole files are deleted. */
  async retain(): Promise<void> {
    this.retaining ??= this.applyRetention().finally(() => {
      this.retaining = undefined;
    });
    await this.retaining;
  }

  /** For tests of a full disk: the live segment's size in pages at which it has no more room. */
  async limitPagesForTests(pagesMax: number): Promise<void> {
    await this.parts.writer.ask({ kind: "limit", pagesMax });
  }

  private async makeTopic(spec: TopicSpec): Promise<TopicInfo> {
    const known = this.table.get(spec.name);
    if (known !== undefined && known.info.partitions !== spec.partitions)
      throw new AppError(
        "topic_mismatch",
        `${spec.name} has ${known.info.partitions} partitions, not ${spec.partitions}`,
      );
    if (known !== undefined && JSON.stringify(known.kept.spec) === JSON.stringify(spec))
      return known.info;
    const incarnation = known?.info.incarnation ?? this.createIncarnation();
    const kept = await this.parts.keeper.call("createTopic", { spec, incarnation });
    if (known !== undefined) {
      known.kept = kept;
      return known.info;
    }
    const topic = this.table.add(kept);
    this.coordinator.topicMade();
    return topic.info;
  }

  private async applyRetention(): Promise<void> {
    if (this.roller.ageMs > SEGMENT_AGE_MS_MAX) await this.roller.force();
    const { starts, size } = await this.parts.keeper.call("retain", { now: this.clock.now() });
    for (const { topic, partition, offset } of starts) {
      const found = this.table.byNumber(topic)?.partitions[partition];
      if (found !== undefined) found.start = offset;
    }
    this.counters.size = size;
  }

  private async shutDown(): Promise<void> {
    this.retention.cancel();
    const { writer, keeper, lock } = this.parts;
    try {
      // Handlers may append while they let go, so the members leave before appends are refused.
      await this.coordinator.close();
      this.closed = true;
      await this.committer.drain();
      await Promise.allSettled([this.roller.settled(), this.retaining, this.creating]);
      await this.offsets.save();
      await writer.ask({ kind: "close" });
      await keeper.call("close", null);
    } finally {
      this.closed = true;
      writer.terminate();
      keeper.terminate();
      lock.release();
    }
  }

  private assertOpen(): void {
    if (this.closed) throw new AppError("closed", "The log is closed");
  }

  private bounds(topic: string, partition: number): PartitionRange {
    const { start, end } = this.table.partition(topic, partition);
    return { start, end };
  }

  private createIncarnation(): string {
    const digit = () => Math.floor(this.random.next() * 36).toString(36);
    return Array.from({ length: 8 }, digit).join("");
  }

  private warn(message: string, error: AppError): void {
    this.telemetry?.log("warn", message, { code: error.code, reason: error.message });
  }
}

function assertReadable({ topic, partition, start, end }: LogPartition, offset: number): void {
  const place = `${topic.info.name}/${partition}`;
  if (offset < start) throw new AppError("log_expired", `${place} starts at ${start}`);
  if (offset > end) throw new AppError("log_truncated", `${place} ends at ${end}`);
}

/**
 * Opens the log in a folder, after a crash as well: what was flushed is there, of what was not a
 * first part may be.
 *
 * @throws log_unavailable when another process has it or the folder cannot be written
 * @throws log_corrupt naming the file, when flushed records were damaged or are missing
 */
export async function openSqliteEventLog(options: SqliteEventLogOptions): Promise<SqliteEventLog> {
  const lock = lockFolder(options.folder);
  const died = (error: AppError) =>
    options.telemetry?.log("error", "A thread of the log died", { reason: error.message });
  const keeper = new KeeperThread(died);
  const writer = new WriterThread(died);
  try {
    const opened = await keeper.call("open", {
      folder: options.folder,
      readersOpenMax: limitsWith(options.limits).readersOpenMax,
    });
    await writer.ask({
      kind: "open",
      path: opened.live.path,
      synchronous: options.synchronousForTests ?? "FULL",
      ends: opened.ends,
      walBytes: opened.liveBytes,
    });
    return new SqliteEventLog(options, { lock, writer, keeper, opened });
  } catch (error) {
    writer.terminate();
    keeper.terminate();
    lock.release();
    throw error;
  }
}
