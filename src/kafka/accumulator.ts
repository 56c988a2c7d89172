import { Bag } from "../bag.ts";
import { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { LogRecord } from "../wire/record.ts";
import type { AppendObserver } from "./append-metrics.ts";
import { Lane } from "./lane.ts";
import type { BatchOutcome, BatchSender, LogBatch, PendingAppend } from "./log-batch.ts";
import { behindFailed, PartitionQueue } from "./partition-queue.ts";
import { recordSize } from "./record.ts";

/** Between two looks for appends without an outcome: what their limit may be exceeded by. */
const SWEEP_MS = 50;
/** Waits before another try, in ms; the last one repeats. */
const RETRY_MS = [0, 10, 25, 50, 100] as const;

export type AccumulatorLimits = Pick<
  Limits,
  | "appendOutcomeMs"
  | "appendPendingBytesMax"
  | "produceBatchBytesMax"
  | "produceInFlightMax"
  | "produceRequestBytesMax"
>;

export interface AccumulatorOptions {
  readonly clock: Clock;
  readonly sender: BatchSender;
  readonly limits: AccumulatorLimits;
  readonly lingerMs: number;
  readonly observer?: AppendObserver;
}

/**
 * Gathers appends into batches and batches into requests. While nothing is on its way to a broker an
 * append goes out at the end of the turn; otherwise what comes is gathered until there is an answer
 * and `lingerMs` have passed since the last request, or a few more where the broker answers late, so
 * that load makes requests larger and not more frequent.
 *
 * Order: a partition has one batch on its way. When that fails or stays without an outcome, all that
 * waits behind it fails with `log_unavailable`, certainly not written, so that its callers can send
 * again in order; only an append that can never succeed fails alone. Every append has its outcome
 * within `appendOutcomeMs`.
 */
export class Accumulator {
  readonly #options: AccumulatorOptions;
  readonly #partitions = new Map<string, PartitionQueue[]>();
  /** Those with an append that has no outcome. */
  readonly #active = new Bag<PartitionQueue>();
  readonly #lanes = new Map<number, Lane>();
  #pendingBytes = 0;
  #sweep: Timer | undefined;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: AccumulatorOptions) {
    this.#options = options;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** @throws RangeError without records @returns as `EventLog.append` */
  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    if (this.#closed) return Promise.reject(new AppError("closed", "The log is closed"));
    if (records.length === 0)
      return Promise.reject(new RangeError("An append needs at least one record"));
    const { clock, limits } = this.#options;
    // Whatever its own size: else a small one could pass a large one of its partition.
    if (this.#pendingBytes >= limits.appendPendingBytesMax) {
      const detail = { limit: limits.appendPendingBytesMax, retryAfterMs: 500 };
      return Promise.reject(new AppError("overloaded", "too much waits for the log", detail));
    }
    let bytes = 0;
    for (const record of records) bytes += recordSize(record);
    this.#pendingBytes += bytes;
    const queue = this.#queueOf(topic, partition);
    return new Promise((resolve, reject) => {
      queue.push({ records, bytes, startedAt: clock.monotonic(), resolve, reject });
      if (queue.bagAt < 0) this.#active.add(queue);
      this.#sweep ??= clock.every(SWEEP_MS, () => this.#expire());
      if (queue.current === undefined) this.#laneOf(queue).offer(queue, bytes);
    });
  }

  /** Takes no more; resolves when everything that was taken has its outcome. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#active.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #queueOf(topic: string, partition: number): PartitionQueue {
    let queues = this.#partitions.get(topic);
    if (queues === undefined) this.#partitions.set(topic, (queues = []));
    return (queues[partition] ??= new PartitionQueue(topic, partition));
  }

  #laneOf(queue: PartitionQueue): Lane {
    const broker = this.#options.sender.leader(queue.topic, queue.partition);
    const apart = queue.suspect && broker >= 0;
    const key = apart ? -2 - broker : broker;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      const { clock, lingerMs, limits } = this.#options;
      const send = (batches: readonly LogBatch[], queues: readonly PartitionQueue[]) =>
        this.#send(broker, batches, queues, apart);
      lane = new Lane({ clock, lingerMs, limits, send });
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  async #send(
    broker: number,
    batches: readonly LogBatch[],
    queues: readonly PartitionQueue[],
    apart: boolean,
  ): Promise<void> {
    const { sender, observer, clock } = this.#options;
    const startedAt = clock.monotonic();
    const outcomes = await sender.send(broker, batches, apart);
    if (broker >= 0) observer?.request(batches, clock.monotonic() - startedAt);
    for (let i = 0; i < batches.length; i++)
      this.#settle(
        queues[i] as PartitionQueue,
        batches[i] as LogBatch,
        outcomes[i] as BatchOutcome,
      );
  }

  #settle(queue: PartitionQueue, batch: LogBatch, outcome: BatchOutcome): void {
    queue.sending = false;
    if (batch.done) return this.#next(queue);
    if (outcome.kind === "again") {
      if (outcome.written === "maybe") batch.uncertain = queue.suspect = true;
      this.#later(queue, batch, outcome.error);
      return;
    }
    if (outcome.kind === "too_large" && batch.appends.length > 1) {
      queue.split();
      return this.#next(queue);
    }
    if (outcome.kind === "appended") {
      queue.suspect = false;
      this.#succeed(batch, outcome.base);
    } else if (outcome.kind === "unknown" || batch.uncertain)
      this.#lose(queue, batch, outcome.error);
    // What can never succeed is not sent again, so that those behind it need not wait for it.
    else this.#fail(queue, batch, outcome.error, !outcome.error.retriable);
    this.#next(queue);
  }

  /** Nobody knows whether the batch was written. */
  #lose(queue: PartitionQueue, batch: LogBatch, cause: AppError): void {
    queue.suspect = true;
    this.#options.sender.abandon(batch);
    this.#fail(queue, batch, new AppError("unknown_outcome", cause.message, { cause }), false);
  }

  #later(queue: PartitionQueue, batch: LogBatch, error: AppError): void {
    const { clock, limits } = this.#options;
    const wait = RETRY_MS[Math.min(batch.tries++, RETRY_MS.length - 1)] as number;
    const now = clock.monotonic();
    if (now + wait - queue.oldestAt >= limits.appendOutcomeMs) return this.#giveUp(queue, error);
    this.#options.observer?.retried();
    queue.lastError = error;
    if (wait === 0) this.#laneOf(queue).offer(queue);
    else
      clock.after(wait, () => {
        if (queue.current === batch && !queue.sending) this.#laneOf(queue).offer(queue);
      });
  }

  #next(queue: PartitionQueue): void {
    if (queue.current?.done === true) queue.current = undefined;
    if (queue.empty) this.#rest(queue);
    else if (queue.current === undefined) this.#laneOf(queue).offer(queue);
  }

  /** The partition has nothing left to do. */
  #rest(queue: PartitionQueue): void {
    this.#active.delete(queue);
    if (this.#active.size > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  #succeed(batch: LogBatch, base: number): void {
    const { observer, clock } = this.#options;
    const now = clock.monotonic();
    let at = base;
    for (const append of batch.appends) {
      append.resolve(at);
      at += append.records.length;
      observer?.appended(append.records.length, now - append.startedAt);
    }
    this.#finish(batch);
  }

  #fail(queue: PartitionQueue, batch: LogBatch, error: AppError, alone: boolean): void {
    for (const append of batch.appends) this.#reject(append, error);
    this.#finish(batch);
    if (alone) return;
    for (const append of queue.drain()) this.#rejectWaiting(append, error);
  }

  #rejectWaiting(append: PendingAppend, cause: AppError): void {
    this.#pendingBytes -= append.bytes;
    this.#reject(append, behindFailed(cause));
  }

  #reject(append: PendingAppend, error: AppError): void {
    this.#options.observer?.failed(error.code, append.records.length);
    append.reject(error);
  }

  #finish(batch: LogBatch): void {
    batch.done = true;
    this.#pendingBytes -= batch.bytes;
  }

  /** Gives those their answer that have waited for too long. */
  #expire(): void {
    const { clock, limits } = this.#options;
    const due = clock.monotonic() - limits.appendOutcomeMs;
    const late = this.#active.items.filter(({ oldestAt }) => oldestAt <= due);
    for (const queue of late) this.#giveUp(queue);
    if (this.#active.size > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #giveUp(queue: PartitionQueue, cause = queue.lastError): void {
    const { limits, sender } = this.#options;
    const late = `No answer from the log within ${limits.appendOutcomeMs} ms`;
    const error = cause ?? new AppError("log_unavailable", late);
    const batch = queue.current;
    if (batch === undefined || batch.done) {
      for (const append of queue.drain()) this.#rejectWaiting(append, error);
    } else if (batch.uncertain || (queue.sending && !batch.held)) this.#lose(queue, batch, error);
    else {
      if (queue.sending) sender.abandon(batch);
      this.#fail(queue, batch, error, false);
    }
    if (!queue.sending) this.#next(queue);
  }
}
