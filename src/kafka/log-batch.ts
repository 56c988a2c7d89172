import type { AppError } from "../errors.ts";
import type { LogRecord } from "../wire/record.ts";

/** One call of `append` that waits for its outcome. */
export interface PendingAppend {
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  /** Monotonic ms. */
  readonly startedAt: number;
  readonly resolve: (base: number) => void;
  readonly reject: (error: AppError) => void;
}

/**
 * Appends of one partition that go to Kafka as one record batch, so that all of it is there or
 * nothing. Its content never changes: a second try repeats the first one to the byte.
 */
export interface LogBatch {
  readonly topic: string;
  readonly partition: number;
  readonly appends: readonly PendingAppend[];
  /** Of all appends, in order. */
  readonly records: readonly LogRecord[];
  readonly bytes: number;
  /** Tries that were begun before. */
  tries: number;
  /** Whether one of them may have been written. */
  uncertain: boolean;
  /** Whether nothing of this try was given to the network yet: the sender's to set and clear. */
  held: boolean;
  /** The callers have their answer; what becomes of a try that is under way interests nobody. */
  done: boolean;
}

/** What came of one try of one batch. */
export type BatchOutcome =
  | { readonly kind: "appended"; readonly base: number }
  /** Certainly not written by this try, and another one is useless. */
  | { readonly kind: "failed"; readonly error: AppError }
  /** Worth another try. With `written: "maybe"` the try has to be one that cannot duplicate it. */
  | { readonly kind: "again"; readonly written: "no" | "maybe"; readonly error: AppError }
  /** Nobody knows, and it must not be sent again. */
  | { readonly kind: "unknown"; readonly error: AppError }
  /** Certainly not written by this try: too large as a whole. */
  | { readonly kind: "too_large"; readonly error: AppError };

/** What the accumulator needs of a client library. */
export interface BatchSender {
  /** The broker that leads the partition as far as is known; −1: not known. Cheap. */
  leader(topic: string, partition: number): number;
  /**
   * Sends batches of different partitions as one request, acks=all. MUST resolve to one outcome for
   * each, in order, and MUST NOT reject. With `broker` −1 it finds the leaders, sends nothing, and
   * answers `again`. With `apart` these are partitions that had no answer the last time: on a
   * connection of their own, if the client can, they hold up none but themselves.
   */
  send(
    broker: number,
    batches: readonly LogBatch[],
    apart: boolean,
  ): Promise<readonly BatchOutcome[]>;
  /**
   * Nobody waits for this batch any more, though it may be on its way or have been written. From now
   * on it MUST NOT land behind a batch of its partition that is sent later. `send` that is under way
   * with it MUST settle soon after.
   */
  abandon(batch: LogBatch): void;
}
