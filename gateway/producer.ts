import { Bag, type Bagged } from "../src/bag.ts";
import { AppError, asAppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import { AppendWindow } from "../src/policy/append-window.ts";
import type { Clock } from "../src/ports/clock.ts";
import { valueLength } from "../src/wire/message-record.ts";
import type { LogRecord } from "../src/wire/record.ts";
import type { AppendGate, GateLane } from "./append-gate.ts";
import { IN_OUTBOX } from "./failover.ts";
import type { SendMetrics } from "./send-metrics.ts";
import type { Entry } from "./trace/entry.ts";

/** Whoever waits for a record's append. An object of its own, not a promise or closure a message. */
export interface Completion {
  appended(partition: number, offset: number): void;
  /** The outbox has it, since the log is away. */
  kept(): void;
  failed(error: AppError): void;
  /** How the message came in, for whoever traces it. */
  readonly entry?: Entry;
}

/** An append that has an outcome. */
export interface SettledAppend {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** Monotonic ms. */
  readonly startedAt: number;
}

/** Hears of appends, after their completions have. */
export interface AppendWatch {
  settled(append: SettledAppend, error: AppError | undefined): void;
}

/** Says which appends have to wait for the delivery of those before. */
export interface AppendPace {
  /** @param end the next offset after an append that has landed */
  appended(topic: string, partition: number, end: number): void;
  /** Whether the partition's next append has to wait; then `go` is called, once, when it need not. */
  holds(topic: string, partition: number, go: () => void): boolean;
}

/** A log, or what stands before it. */
export interface AppendWay {
  /**
   * As `EventLog.append`.
   *
   * @param takenAt monotonic ms since which the senders wait
   * @returns also {@link IN_OUTBOX}
   */
  append(
    topic: string,
    partition: number,
    records: readonly LogRecord[],
    takenAt: number,
  ): Promise<number>;
  /** Whether what is appended there now does not go to the log. */
  diverts?(topic: string, partition: number): boolean;
}

export interface ProducerOptions {
  readonly log: AppendWay;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly metrics?: SendMetrics | undefined;
  readonly watch?: AppendWatch | undefined;
  /** Undefined: no append waits for a delivery. */
  readonly pace?: AppendPace | undefined;
  /** Hears of all that waits. */
  readonly gate?: AppendGate | undefined;
}

/** So much is appended before the turn ends, so that the log works while more is being read. */
const FLUSH_CHARS = 56 * 1024;

interface Batch extends Bagged {
  readonly topic: string;
  readonly partition: number;
  readonly records: LogRecord[];
  readonly completions: Completion[];
  chars: number;
  /** Where the gate counts it. */
  lane: GateLane | undefined;
  /** Settled, or given up. */
  done: boolean;
  /** Monotonic ms. */
  readonly takenAt: number;
  /** Monotonic ms: later than it was taken by what it waited for a delivery. */
  startedAt: number;
}

/** Gathers the records of one turn into one append for each partition, in order. */
export class Producer {
  readonly #log: AppendWay;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #window: AppendWindow;
  readonly #metrics: SendMetrics | undefined;
  readonly #watch: AppendWatch | undefined;
  readonly #pace: AppendPace | undefined;
  readonly #gate: AppendGate | undefined;
  /** By topic and partition. */
  readonly #open = new Map<string, (Batch | undefined)[]>();
  readonly #ready: Batch[] = [];
  /** Those that wait for a delivery, in order. */
  readonly #held = new Set<Batch>();
  readonly #inFlight = new Bag<Batch>();
  #pendingChars = 0;
  /** Of the records that are gathered now. */
  #openChars = 0;
  #scheduled = false;
  #idle: (() => void)[] = [];

  constructor({ log, clock, limits, metrics, watch, pace, gate }: ProducerOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#limits = limits;
    this.#window = new AppendWindow(limits);
    this.#metrics = metrics;
    this.#watch = watch;
    this.#pace = pace;
    this.#gate = gate;
  }

  /** Characters that wait for the log. */
  get pendingChars(): number {
    return this.#pendingChars;
  }

  /** Characters that may. */
  get windowChars(): number {
    return this.#window.chars;
  }

  /** Whether the oldest append has waited for more than half of its time. */
  get stalled(): boolean {
    const since = this.#clock.monotonic() - this.#limits.appendTimeoutMs / 2;
    return this.#inFlight.items.some(({ startedAt }) => startedAt < since);
  }

  /** @returns an error when nothing was taken; else `completion` is called exactly once, later */
  send(
    topic: string,
    partition: number,
    record: LogRecord,
    completion: Completion,
  ): AppError | undefined {
    const limits = this.#limits;
    const chars = valueLength(record);
    if (this.#pendingChars + chars > this.#window.chars) {
      this.#metrics?.failed("overloaded", 1);
      return new AppError("overloaded", "too much waits for the log", {
        limit: Math.round(this.#window.chars),
        retryAfterMs: 500,
      });
    }
    let partitions = this.#open.get(topic);
    if (partitions === undefined) this.#open.set(topic, (partitions = []));
    let batch = partitions[partition];
    if (
      batch === undefined ||
      batch.records.length >= limits.appendBatchRecordsMax ||
      batch.chars + chars > limits.appendBatchBytesMax
    ) {
      const now = this.#clock.monotonic();
      batch = {
        topic,
        partition,
        records: [],
        completions: [],
        chars: 0,
        lane: undefined,
        done: false,
        bagAt: -1,
        takenAt: now,
        startedAt: now,
      };
      partitions[partition] = batch;
      this.#ready.push(batch);
    }
    batch.records.push(record);
    batch.completions.push(completion);
    batch.chars += chars;
    this.#pendingChars += chars;
    this.#openChars += chars;
    if (this.#openChars >= FLUSH_CHARS) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#clock.defer(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return undefined;
  }

  /** Gives up on appends that have had no outcome for too long. Called about every second. */
  sweep(): void {
    const due = this.#clock.monotonic() - this.#limits.appendTimeoutMs;
    const late = this.#inFlight.items.filter(({ startedAt }) => startedAt <= due);
    for (const batch of late) this.#fail(batch, new AppError("unknown_outcome"));
  }

  /** Resolves when every record that was taken has an outcome. */
  settled(): Promise<void> {
    if (this.#pendingChars === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #flush(): void {
    this.#openChars = 0;
    const ready = this.#ready.splice(0);
    for (const batch of ready) {
      const { topic, partition } = batch;
      (this.#open.get(topic) as (Batch | undefined)[])[partition] = undefined;
    }
    for (const batch of ready) {
      const { topic, partition } = batch;
      this.#count(batch);
      if (this.#pace?.holds(topic, partition, () => this.#append(batch)) === true)
        this.#held.add(batch);
      else this.#append(batch);
    }
  }

  /** What the outbox takes says nothing of the log, and holds nobody up. */
  #count(batch: Batch): void {
    const { topic, partition, chars } = batch;
    if (this.#gate === undefined || this.#log.diverts?.(topic, partition) === true) return;
    batch.lane = this.#gate.lane(topic, partition);
    this.#gate.began(batch.lane, chars);
  }

  #append(batch: Batch): void {
    if (batch.done) return;
    this.#held.delete(batch);
    const { topic, partition, records, takenAt } = batch;
    batch.startedAt = this.#clock.monotonic();
    this.#inFlight.add(batch);
    this.#log.append(topic, partition, records, takenAt).then(
      (base) => this.#succeed(batch, base),
      (error: unknown) => this.#fail(batch, asAppError(error)),
    );
  }

  #succeed(batch: Batch, base: number): void {
    if (batch.done) return;
    const now = this.#clock.monotonic();
    this.#window.landed(now - batch.startedAt, this.#pendingChars, now);
    this.#gate?.limit(this.#window.chars);
    this.#finish(batch, true);
    const { completions, partition } = batch;
    if (base === IN_OUTBOX) {
      for (const completion of completions) completion.kept();
      this.#watch?.settled(batch, undefined);
      return;
    }
    this.#metrics?.appended(batch.records[0] as LogRecord, completions.length);
    this.#pace?.appended(batch.topic, partition, base + completions.length);
    for (let i = 0; i < completions.length; i++)
      (completions[i] as Completion).appended(partition, base + i);
    this.#watch?.settled(batch, undefined);
  }

  #fail(batch: Batch, error: AppError): void {
    if (batch.done) return;
    this.#finish(batch, false);
    this.#metrics?.failed(error.code, batch.completions.length);
    for (const completion of batch.completions) completion.failed(error);
    this.#watch?.settled(batch, error);
    if (!error.retriable) return;
    // As a log does with what waits behind: who sends it again has its order.
    for (const behind of this.#held)
      if (behind.topic === batch.topic && behind.partition === batch.partition)
        this.#fail(behind, new AppError("log_unavailable"));
  }

  #finish(batch: Batch, landed: boolean): void {
    batch.done = true;
    this.#held.delete(batch);
    this.#inFlight.delete(batch);
    this.#pendingChars -= batch.chars;
    if (batch.lane !== undefined) this.#gate?.ended(batch.lane, batch.chars, landed);
    if (this.#pendingChars > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
