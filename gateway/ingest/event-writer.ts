import { asAppError, AppError } from "../../src/errors.ts";
import { partitionOf } from "../../src/policy/partitioner.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import type { OpenTopic } from "./event-topics.ts";

/** Records of one partition that go to the log in one append. */
export interface EventBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: LogRecord[];
  /** Of the body, rising; same length as `records`. */
  readonly lines: number[];
  chars: number;
  /** Has its outcome, or was given up. */
  done: boolean;
}

/** What one body has for one topic: batches by partition, from one flush to the next. */
export interface EventTarget {
  readonly topic: OpenTopic;
  readonly open: (EventBatch | undefined)[];
}

/** Who is told of batches: each exactly once. */
export interface BatchObserver {
  batchKept(batch: EventBatch, base: number): void;
  batchFailed(batch: EventBatch, error: AppError): void;
}

/**
 * Gathers a body's events by partition and appends them: a promise for each batch, nothing for each
 * event. What is put for one partition is appended in this order.
 */
export class EventWriter {
  readonly #log: Pick<EventLog, "append">;
  readonly #observer: BatchObserver;
  #ready: EventBatch[] = [];
  readonly #targets = new Set<EventTarget>();
  readonly #inFlight = new Set<EventBatch>();
  #openChars = 0;
  #openEvents = 0;

  constructor(log: Pick<EventLog, "append">, observer: BatchObserver) {
    this.#log = log;
    this.#observer = observer;
  }

  /** Characters that wait for the next flush. */
  get openChars(): number {
    return this.#openChars;
  }

  get openEvents(): number {
    return this.#openEvents;
  }

  put(target: EventTarget, record: LogRecord, line: number): void {
    const { topic, open } = target;
    const partition = partitionOf(record.key, topic.partitions);
    let batch = open[partition];
    if (batch === undefined) {
      batch = { topic: topic.name, partition, records: [], lines: [], chars: 0, done: false };
      open[partition] = batch;
      this.#targets.add(target);
      this.#ready.push(batch);
    }
    batch.records.push(record);
    batch.lines.push(line);
    const chars = record.value.length;
    batch.chars += chars;
    this.#openChars += chars;
    this.#openEvents++;
  }

  flush(): void {
    if (this.#ready.length === 0) return;
    const ready = this.#ready;
    this.#clear();
    for (const batch of ready) {
      this.#inFlight.add(batch);
      this.#log.append(batch.topic, batch.partition, batch.records).then(
        (base) => {
          if (this.#finish(batch)) this.#observer.batchKept(batch, base);
        },
        (error: unknown) => this.#fail(batch, asAppError(error)),
      );
    }
  }

  /** Takes back what was not flushed. */
  drop(): readonly EventBatch[] {
    const dropped = this.#ready;
    this.#clear();
    return dropped;
  }

  /** Waits no longer for what is on its way. */
  giveUp(): void {
    for (const batch of this.#inFlight) this.#fail(batch, new AppError("unknown_outcome"));
  }

  #clear(): void {
    this.#ready = [];
    for (const { open } of this.#targets) open.length = 0;
    this.#targets.clear();
    this.#openChars = 0;
    this.#openEvents = 0;
  }

  #fail(batch: EventBatch, error: AppError): void {
    if (this.#finish(batch)) this.#observer.batchFailed(batch, error);
  }

  #finish(batch: EventBatch): boolean {
    if (batch.done) return false;
    batch.done = true;
    this.#inFlight.delete(batch);
    return true;
  }
}
