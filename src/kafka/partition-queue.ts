import type { Bagged } from "../bag.ts";
import { AppError } from "../errors.ts";
import type { LogBatch, PendingAppend } from "./log-batch.ts";

/** The appends of one partition: one batch with the broker, the others behind it. */
export class PartitionQueue implements Bagged {
  readonly topic: string;
  readonly partition: number;
  /** Being tried, or waiting for another try. Nothing else of the partition goes before it. */
  current: LogBatch | undefined;
  sending = false;
  bagAt = -1;
  /** Its last batch had no clear answer: the next one goes apart from other partitions'. */
  suspect = false;
  /** Why `current` is tried again. */
  lastError: AppError | undefined;
  #waiting: PendingAppend[] = [];
  /** So many of the next batches hold one append each. */
  #alone = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  get empty(): boolean {
    return this.current === undefined && this.#waiting.length === 0;
  }

  /** Monotonic ms since when the oldest append waits; infinite when there is none. */
  get oldestAt(): number {
    const { current } = this;
    const oldest =
      current === undefined || current.done
        ? this.#waiting[0]
        : (current.appends[0] as PendingAppend);
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.startedAt;
  }

  push(append: PendingAppend): void {
    this.#waiting.push(append);
  }

  /** Ends the current batch and puts its appends back in front, to go alone. */
  split(): void {
    const appends = this.current?.appends ?? [];
    this.current = undefined;
    this.#waiting = [...appends, ...this.#waiting];
    this.#alone = appends.length;
  }

  /** The next batch, at least one append; it becomes `current`. */
  take(bytesMax: number): LogBatch | undefined {
    const waiting = this.#waiting;
    const first = waiting[0];
    if (first === undefined) return undefined;
    const appendsMax = this.#alone-- > 0 ? 1 : waiting.length;
    let { bytes } = first;
    let count = 1;
    for (; count < appendsMax; count++) {
      const next = (waiting[count] as PendingAppend).bytes;
      if (bytes + next > bytesMax) break;
      bytes += next;
    }
    const appends = count === waiting.length ? waiting : waiting.slice(0, count);
    this.#waiting = count === waiting.length ? [] : waiting.slice(count);
    const records = count === 1 ? first.records : appends.flatMap((append) => append.records);
    const { topic, partition } = this;
    this.lastError = undefined;
    this.current = {
      topic,
      partition,
      appends,
      records,
      bytes,
      tries: 0,
      uncertain: false,
      held: false,
      done: false,
    };
    return this.current;
  }

  /** Takes out all that waits behind the current batch. */
  drain(): readonly PendingAppend[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#alone = 0;
    return waiting;
  }
}

/** What those are told that were to be written behind an append that failed; nothing was sent. */
export function behindFailed(cause: AppError): AppError {
  return new AppError("log_unavailable", "An append before this one in its partition failed", {
    cause,
  });
}
