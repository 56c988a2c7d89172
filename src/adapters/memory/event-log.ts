import { AppError } from "../../errors.ts";
import { Coordinator } from "../../group/coordinator.ts";
import { limitsWith } from "../../limits.ts";
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
import type { TopicSpec } from "../../topics.ts";
import type { LogRecord } from "../../wire/record.ts";
import {
  createMemoryDisk,
  type DiskPartition,
  expireChunks,
  findChunk,
  type MemoryDisk,
  writeChunk,
} from "./event-log-disk.ts";
import { LogFaults } from "./event-log-faults.ts";

export interface MemoryEventLogOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What an earlier log left behind; an empty disk when it is left out. */
  readonly disk?: MemoryDisk;
  readonly faults?: LogFaults;
  readonly pageRecordsMax?: number;
  /** What receipts of this log say. */
  readonly durability?: "disk" | "log";
}

interface PendingAppend {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly LogRecord[];
  readonly resolve: (base: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The reference log: a partition is an array, and a flush moves appends from the pending list to
 * the disk. Everything is driven by the clock, so that the same seed gives the same run.
 */
export class MemoryEventLog implements EventLog {
  readonly durability: "disk" | "log";
  readonly faults: LogFaults;
  readonly disk: MemoryDisk;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly coordinator: Coordinator;
  private pending: PendingAppend[] = [];
  private flushing = false;
  private flushTimer: Timer | undefined;
  private idle: (() => void)[] = [];
  private state: "open" | "closing" | "closed" = "open";

  constructor(options: MemoryEventLogOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.disk = options.disk ?? createMemoryDisk();
    this.faults = options.faults ?? new LogFaults();
    this.durability = options.durability ?? "disk";
    this.coordinator = new Coordinator(options.clock, this.offsetKeeper(), {
      source: {
        topic: (name) => this.disk.topics.get(name)?.info,
        bounds: (topic, partition) => this.bounds(topic, partition),
        read: (...args) => this.read(...args),
      },
      pageRecordsMax: options.pageRecordsMax ?? limitsWith().readPageRecordsMax,
    });
  }

  async createTopic(spec: TopicSpec): Promise<TopicInfo> {
    this.assertOpen();
    const known = this.disk.topics.get(spec.name);
    if (known !== undefined) {
      if (known.info.partitions !== spec.partitions)
        throw new AppError(
          "topic_mismatch",
          `${spec.name} has ${known.info.partitions} partitions, not ${spec.partitions}`,
        );
      known.spec = spec;
      return known.info;
    }
    const info: TopicInfo = {
      name: spec.name,
      incarnation: this.createIncarnation(),
      partitions: spec.partitions,
    };
    const partitions = Array.from({ length: spec.partitions }, () => ({
      start: 0,
      end: 0,
      chunks: [],
    }));
    this.disk.topics.set(spec.name, { spec, info, partitions });
    this.coordinator.topicMade();
    return info;
  }

  async describeTopic(name: string): Promise<TopicInfo | undefined> {
    this.assertOpen();
    return this.disk.topics.get(name)?.info;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    this.assertOpen();
    return [...this.disk.topics.values()].map((topic) => topic.info);
  }

  async deleteTopic(name: string): Promise<void> {
    this.assertOpen();
    if (!this.disk.topics.delete(name)) return;
    for (const key of this.disk.offsets.keys())
      if (key.split(" ")[1] === name) this.disk.offsets.delete(key);
    const gone = this.pending.filter((append) => append.topic === name);
    this.pending = this.pending.filter((append) => append.topic !== name);
    for (const append of gone) append.reject(new AppError("topic_unknown"));
    this.coordinator.topicGone(name);
  }

  async append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    this.assertOpen();
    if (records.length === 0) throw new RangeError("An append needs at least one record");
    this.partitionOf(topic, partition);
    return new Promise((resolve, reject) => {
      this.pending.push({ topic, partition, records, resolve, reject });
      this.scheduleFlush();
    });
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
    const disk = this.partitionOf(topic, partition);
    if (offset < disk.start)
      throw new AppError("log_expired", `${topic}/${partition} starts at ${disk.start}`);
    if (offset > disk.end)
      throw new AppError("log_truncated", `${topic}/${partition} ends at ${disk.end}`);
    const records: LogRecord[] = [];
    for (let i = findChunk(disk, offset); records.length < recordsMax; i++) {
      const chunk = disk.chunks[i];
      if (chunk === undefined) break;
      const from = Math.max(0, offset - chunk.base);
      records.push(...chunk.records.slice(from, from + recordsMax - records.length));
    }
    return batchOf(topic, partition, offset, records);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.assertOpen();
    return this.coordinator.consume(options);
  }

  async committed(group: string, topic: string, partition: number): Promise<number | undefined> {
    this.assertOpen();
    return this.disk.offsets.get(`${group} ${topic} ${partition}`);
  }

  async close(): Promise<void> {
    if (this.state !== "open") return;
    this.state = "closing";
    await this.coordinator.close();
    while (this.pending.length > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
    this.state = "closed";
  }

  /** Applies every topic's retention by age and size now. */
  expire(): void {
    for (const topic of this.disk.topics.values()) expireChunks(topic, this.clock.now());
  }

  /**
   * The process of the log dies: some first part of the unflushed appends (chosen by chance) is on
   * the disk, the rest is lost, and nobody is told anything. Open another log on `disk` afterwards.
   */
  crash(): void {
    this.state = "closed";
    this.flushTimer?.cancel();
    const kept = Math.floor(this.random.next() * (this.pending.length + 1));
    for (const append of this.pending.splice(0, kept)) this.write(append);
    this.pending = [];
    this.coordinator.abandon();
  }

  /** Ends a member's session; with `tell` false it lives on as a zombie that hears nothing. */
  expireMember(group: string, member: string, tell: boolean): void {
    this.coordinator.expire(group, member, tell);
  }

  private scheduleFlush(): void {
    if (this.flushing) return;
    this.flushing = true;
    const flush = () => this.flush();
    if (this.faults.flushDelayMs > 0)
      this.flushTimer = this.clock.after(this.faults.flushDelayMs, flush);
    else this.clock.defer(flush);
  }

  private flush(): void {
    this.flushing = false;
    if (this.state === "closed") return;
    if (this.faults.isHeld(() => this.scheduleFlush())) return;
    const appends = this.pending;
    this.pending = [];
    const failed = new Set<DiskPartition>();
    for (const append of appends) this.settle(append, failed);
    const idle = this.idle;
    this.idle = [];
    for (const wake of idle) wake();
  }

  /** @param failed partitions where an append of this flush may be sent again, before those behind */
  private settle(append: PendingAppend, failed: Set<DiskPartition>): void {
    const { topic, partition, records } = append;
    const disk = this.disk.topics.get(topic)?.partitions[partition];
    if (disk === undefined) return append.reject(new AppError("topic_unknown"));
    if (failed.has(disk))
      return append.reject(new AppError("log_unavailable", "An append before this one failed"));
    const fault = this.faults.takeAppendFault(topic);
    if (fault !== undefined) {
      const error = new AppError(fault.code);
      if (error.retriable) failed.add(disk);
      append.reject(error);
      if (fault.code !== "unknown_outcome" || fault.kept !== true) return;
    }
    const base = this.write(append);
    if (fault === undefined) append.resolve(base);
    this.coordinator.appended(batchOf(topic, partition, base, records));
  }

  private write(append: PendingAppend): number {
    const disk = this.partitionOf(append.topic, append.partition);
    return writeChunk(disk, append.records, this.clock.now());
  }

  private bounds(topic: string, partition: number): PartitionRange {
    const { start, end } = this.partitionOf(topic, partition);
    return { start, end };
  }

  private partitionOf(topic: string, partition: number): DiskPartition {
    const found = this.disk.topics.get(topic)?.partitions[partition];
    if (found === undefined)
      throw new AppError("topic_unknown", `There is no partition ${topic}/${partition}`);
    return found;
  }

  private offsetKeeper(): ConstructorParameters<typeof Coordinator>[1] {
    return {
      commit: (group, topic, partition, nextOffset) => {
        this.disk.offsets.set(`${group} ${topic} ${partition}`, nextOffset);
        return Promise.resolve();
      },
    };
  }

  private createIncarnation(): string {
    const digit = () => Math.floor(this.random.next() * 36).toString(36);
    return Array.from({ length: 8 }, digit).join("");
  }

  private assertOpen(): void {
    if (this.state === "closed") throw new AppError("closed", "The log is closed");
  }
}

function batchOf(
  topic: string,
  partition: number,
  base: number,
  records: readonly LogRecord[],
): RecordBatch {
  const offsets = records.map((_, i) => base + i);
  return { topic, partition, records, offsets, nextOffset: base + records.length };
}

/** See {@link MemoryEventLog}. */
export function createMemoryEventLog(options: MemoryEventLogOptions): MemoryEventLog {
  return new MemoryEventLog(options);
}
