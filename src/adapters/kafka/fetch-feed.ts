import { AppError } from "../../errors.ts";
import { packedBatch } from "../../kafka/packed-batch.ts";
import {
  type AbortedTransaction,
  type BatchCodec,
  BatchReader,
  CorruptBatchError,
  scanBatches,
} from "../../kafka/record-batch.ts";
import type { RecordBatch } from "../../ports/event-log.ts";

/** Bytes that wait for handlers, of all partitions of a consumer. */
export class FetchBudget {
  waiting = 0;
  /** Those of paused partitions: they may take half, so that they never block the others. */
  kept = 0;
  readonly #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get spent(): boolean {
    return this.waiting >= this.#bytesMax;
  }

  canKeep(bytes: number): boolean {
    return this.kept + bytes <= this.#bytesMax / 2;
  }
}

export interface FeedOptions {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly codec: BatchCodec;
  readonly budget: FetchBudget;
  /** Bytes that may wait for the handler before no more are fetched. */
  readonly aheadBytesMax: number;
  readonly records: (batch: RecordBatch) => void;
  readonly failed: (error: Error) => void;
  /** It may be fetched again, or has something to hand over. */
  readonly changed: (feed: FetchFeed) => void;
}

/**
 * One partition's way from the broker to its handler: where it is, and what was fetched but not yet
 * handed over. The bytes stay packed until then, so what waits is small and bounded.
 */
export class FetchFeed {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly key: string;
  /** What is to be fetched next. */
  offset = 0;
  /** Monotonic ms before which it is not fetched: its last fetch failed. */
  heldUntil = 0;
  /** Monotonic ms until which it counts as busy. */
  hotUntil = 0;
  /** Fetches that failed in a row. */
  failures = 0;
  /** Who has asked a broker for it; one at a time. */
  flight: object | undefined;
  #waiting = 0;
  readonly #options: FeedOptions;
  readonly #readers: { readonly reader: BatchReader; readonly bytes: number }[] = [];
  #state: "idle" | "running" | "stopped" = "idle";
  #paused = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.topicId = options.topicId;
    this.partition = options.partition;
    this.key = `${options.topicId}/${options.partition}`;
  }

  get stopped(): boolean {
    return this.#state === "stopped";
  }

  /** Whether another fetch makes sense, whenever its time is. */
  get hungry(): boolean {
    return (
      this.#state === "running" && !this.#paused && this.#waiting < this.#options.aheadBytesMax
    );
  }

  get deliverable(): boolean {
    return this.#state === "running" && !this.#paused && this.#readers.length > 0;
  }

  start(offset: number): void {
    if (this.#state !== "idle") return;
    this.#state = "running";
    this.offset = offset;
    this.#options.changed(this);
  }

  stop(): void {
    this.#state = "stopped";
    this.#drop();
    this.#options.changed(this);
  }

  /** What was fetched is kept, unless too much waits already: then it is fetched again later. */
  pause(): void {
    if (this.#paused) return;
    const first = this.#readers[0];
    const { budget } = this.#options;
    if (budget.canKeep(this.#waiting)) {
      budget.kept += this.#waiting;
      for (const { reader } of this.#readers) reader.detach();
    } else if (first !== undefined) {
      this.offset = first.reader.next;
      this.#drop();
    }
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#options.budget.kept -= this.#waiting;
    this.#paused = false;
    if (this.#state === "running") this.#options.changed(this);
  }

  /** What a fetch from `offset` brought. */
  fetched(bytes: Buffer, aborted: readonly AbortedTransaction[]): void {
    if (this.#state !== "running" || bytes.length === 0) return;
    if (this.#paused && !this.#options.budget.canKeep(bytes.length)) return;
    const { next } = scanBatches(bytes, this.offset);
    if (next === this.offset) {
      // No whole batch, or one of another version: the reader says what is wrong.
      const probe = new BatchReader(bytes, this.offset, aborted, this.#options.codec);
      if (probe.done) return;
    }
    const reader = new BatchReader(bytes, this.offset, aborted, this.#options.codec);
    if (this.#paused) reader.detach();
    this.#readers.push({ reader, bytes: bytes.length });
    this.#wait(bytes.length);
    this.offset = next;
  }

  /** Hands over at least `recordsMin` records, or all that wait. @returns how many it were */
  deliver(recordsMin: number): number {
    const first = this.#readers[0];
    if (!this.deliverable || first === undefined) return 0;
    const { reader } = first;
    const { topic, partition } = this;
    const from = reader.next;
    const wasFull = !this.hungry;
    try {
      const records = reader.takePacked(recordsMin);
      if (reader.done) {
        this.#readers.shift();
        this.#wait(-first.bytes);
      }
      if (reader.next === from) return 0;
      this.#options.records(packedBatch(topic, partition, records, reader.next));
      if (wasFull && this.hungry) this.#options.changed(this);
      return records.length;
    } catch (error) {
      this.fail(
        error instanceof CorruptBatchError
          ? new AppError("log_corrupt", `${topic}/${partition}: ${error.message}`, { cause: error })
          : new AppError("internal", "the handler threw", { cause: error }),
      );
      return 0;
    }
  }

  /** Nothing comes any more until the partition is assigned anew. */
  fail(error: Error): void {
    if (this.#state === "stopped") return;
    this.stop();
    this.#options.failed(error);
  }

  #drop(): void {
    this.#readers.length = 0;
    this.#wait(-this.#waiting);
  }

  #wait(bytes: number): void {
    this.#waiting += bytes;
    this.#options.budget.waiting += bytes;
    if (this.#paused) this.#options.budget.kept += bytes;
  }
}
