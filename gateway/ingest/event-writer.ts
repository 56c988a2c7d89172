import { AppError, asAppError } from "../../src/errors.ts";
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
}

interface Lane {
  readonly topic: string;
  readonly partition: number;
  /** In order; the last one still grows. */
  readonly waiting: EventBatch[];
  /** On its way to the log. */
  flying: EventBatch | undefined;
}

/** What one body has for one topic, by partition. */
export interface EventTarget {
  readonly topic: OpenTopic;
  readonly lanes: (Lane | undefined)[];
}

/** Who is told of batches: each exactly once. */
export interface BatchObserver {
  batchKept(batch: EventBatch, base: number): void;
  batchFailed(batch: EventBatch, error: AppError): void;
}

/** Three times as many bytes are still less than what brokers take at once. */
const BATCH_CHARS_MAX = 256 * 1024;

/**
 * Gathers a body's events by partition and appends them: a promise for each batch, nothing for each
 * event. A partition has one batch on its way: what fails has nothing of its body behind it, and what
 * comes meanwhile makes the next batch larger.
 */
export class EventWriter {
  readonly #log: Pick<EventLog, "append">;
  readonly #observer: BatchObserver;
  readonly #busy = new Set<Lane>();
  /** Whether anything was put since the last flush. */
  #isDirty = false;

  constructor(log: Pick<EventLog, "append">, observer: BatchObserver) {
    this.#log = log;
    this.#observer = observer;
  }

  put(target: EventTarget, record: LogRecord, line: number): void {
    const { topic, lanes } = target;
    const partition = partitionOf(record.key, topic.partitions);
    const lane = (lanes[partition] ??= {
      topic: topic.name,
      partition,
      waiting: [],
      flying: undefined,
    });
    const chars = record.value.length;
    let batch = lane.waiting.at(-1);
    if (batch === undefined || batch.chars + chars > BATCH_CHARS_MAX) {
      batch = { topic: topic.name, partition, records: [], lines: [], chars: 0 };
      lane.waiting.push(batch);
      this.#busy.add(lane);
    }
    batch.records.push(record);
    batch.lines.push(line);
    batch.chars += chars;
    this.#isDirty = true;
  }

  /** Appends what may go now; the rest follows by itself. */
  flush(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    for (const lane of this.#busy) this.#launch(lane);
  }

  /** Takes back what is not on its way. */
  drop(): readonly EventBatch[] {
    const dropped: EventBatch[] = [];
    for (const { waiting } of this.#busy) dropped.push(...waiting.splice(0));
    this.#isDirty = false;
    return dropped;
  }

  /** Waits no longer for what is on its way. */
  giveUp(): void {
    for (const lane of this.#busy)
      if (lane.flying !== undefined) this.#fail(lane, lane.flying, new AppError("unknown_outcome"));
  }

  #launch(lane: Lane): void {
    if (lane.flying !== undefined) return;
    const batch = lane.waiting.shift();
    if (batch === undefined) {
      this.#busy.delete(lane);
      return;
    }
    lane.flying = batch;
    this.#log.append(batch.topic, batch.partition, batch.records).then(
      (base) => {
        // It was given up otherwise.
        if (lane.flying !== batch) return;
        lane.flying = undefined;
        this.#launch(lane);
        this.#observer.batchKept(batch, base);
      },
      (error: unknown) => this.#fail(lane, batch, asAppError(error)),
    );
  }

  #fail(lane: Lane, batch: EventBatch, error: AppError): void {
    if (lane.flying !== batch) return;
    lane.flying = undefined;
    if (lane.waiting.length === 0) this.#busy.delete(lane);
    this.#observer.batchFailed(batch, error);
  }
}
