import type { TopicSpec } from "../topics.ts";
import type { PackedRecord } from "../wire/packed-record.ts";
import type { LogRecord } from "../wire/record.ts";

export interface TopicInfo {
  readonly name: string;
  /** Another one after the topic was deleted and made again. `[a-z0-9]+` */
  readonly incarnation: string;
  readonly partitions: number;
}

/** A partition's bounds: offsets `start` … `end − 1` can be read. */
export interface PartitionRange {
  readonly start: number;
  readonly end: number;
}

/** Records of one partition in offset order. Offsets rise but need not be dense. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** Same length as `records`. */
  readonly offsets: readonly number[];
  /** The offset to read on from. */
  readonly nextOffset: number;
  /** The same records as bytes, from a log that has them so: then the others are made when asked for. */
  readonly packed?: readonly PackedRecord[];
}

/** What a member of a consumer group is told. Calls for one partition never overlap. */
export interface ConsumerHandler {
  /**
   * The partition is this member's. No record of it comes before the returned promise resolves to
   * the offset to start from; when it rejects, the partition stays assigned but silent.
   */
  assigned(topic: TopicInfo, partition: number): Promise<number>;
  /** The next records. MUST return fast: whoever cannot take more calls `pause`. */
  records(batch: RecordBatch): void;
  /**
   * The partition moves to another member after the promise settles: stop, finish, and let go. No
   * record of it comes after this call.
   */
  revoked(topic: string, partition: number): Promise<void>;
  /** The partition is gone already (the session ended): nothing may be written for it any more. */
  lost(topic: string, partition: number): void;
  /**
   * A fault that the consumer could not mend; `partition` −1 when it concerns the whole topic, and a
   * `topic` of `""` when it concerns the group. Of those two it goes on trying: what comes of it shows in
   * `assigned`, `records` and `lastHeartbeat`.
   */
  failed(topic: string, partition: number, error: Error): void;
}

export interface Consumer {
  /** Replaces the topics that are read; new ones are assigned within seconds. */
  setTopics(topics: readonly string[]): Promise<void>;
  /** Records already on their way may still come. Idempotent. */
  pause(topic: string, partition: number): void;
  resume(topic: string, partition: number): void;
  /** Keeps `nextOffset` for the group; for lag displays, since workers start from the store. */
  commit(topic: string, partition: number, nextOffset: number): Promise<void>;
  /**
   * Drops what is on its way for an owned partition, ends a pause, calls `assigned` again and goes
   * on from the offset that it resolves to. For a worker whose state no longer fits the store's.
   */
  restart(topic: string, partition: number): void;
  /** Monotonic ms (of the adapter's clock) of the last proof of membership. */
  lastHeartbeat(): number;
  /** Whether this member still owns the partition, asked anew from the group's coordinator. */
  owns(topic: string, partition: number): Promise<boolean>;
  /** Calls `revoked` for all partitions, then leaves the group. Idempotent. */
  close(): Promise<void>;
}

export interface ConsumeOptions {
  readonly group: string;
  /** Name of this member; the same after a restart. */
  readonly member: string;
  readonly topics: readonly string[];
  readonly handler: ConsumerHandler;
}

/**
 * Topics of partitions of records.
 *
 * - `append` MUST keep the order of one partition's calls, MUST resolve only after all records of
 *   the call are as durable as this log promises (acks=all, or flushed to disk), and MUST give them
 *   adjacent offsets. When it rejects, `retriable` says whether the records are certainly not in
 *   the log (`log_unavailable`, `disk_full`, `overloaded`), or may be (`unknown_outcome`).
 *   `record_too_large` is for good. An append that waits behind one of its partition that failed,
 *   other than for good, MUST NOT be written before the caller has heard: a log that gathers appends
 *   fails those behind too (`log_unavailable`), and after `unknown_outcome` the lost append MUST NOT
 *   land behind a later one. So a caller who sends again in order has its order.
 * - A record that was read MUST NOT vanish or change, except by retention from the front.
 * - What was not acknowledged may be lost or kept after a crash, but only as a suffix: no hole.
 * - Groups: every partition of the group's topics is owned by at most one live member.
 */
export interface EventLog {
  /** What a receipt from this log rests on. */
  readonly durability: "disk" | "log";
  /** Makes the topic if it is not there. @throws topic_mismatch when it has another partition count */
  createTopic(spec: TopicSpec): Promise<TopicInfo>;
  describeTopic(name: string): Promise<TopicInfo | undefined>;
  topics(): Promise<readonly TopicInfo[]>;
  deleteTopic(name: string): Promise<void>;
  /** @returns the offset of the first record; the others follow it */
  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number>;
  range(topic: string, partition: number): Promise<PartitionRange>;
  /** Up to `recordsMax` records from `offset` on. @throws log_expired below the start */
  read(topic: string, partition: number, offset: number, recordsMax: number): Promise<RecordBatch>;
  /** The handler MUST NOT be called before the promise has resolved. */
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** The group's committed offset, or undefined. */
  committed(group: string, topic: string, partition: number): Promise<number | undefined>;
  /** Settles what is in flight, then lets go. Idempotent. */
  close(): Promise<void>;
}
