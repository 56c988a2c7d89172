import type { MessageKind } from "../wire/content.ts";
import type { LogRecord } from "../wire/record.ts";
import type { PartitionId } from "./message-store.ts";

/** A record on its way to one partition of the log. */
export interface OutboxRow extends PartitionId {
  readonly record: LogRecord;
}

/** A row as it waits: numbers of one partition rise without holes in the order of the puts. */
export interface OutboxEntry {
  readonly number: number;
  readonly record: LogRecord;
}

/** A partition in which rows wait. */
export interface PendingPartition extends PartitionId {
  readonly rows: number;
  /** Characters of their values. */
  readonly chars: number;
  /** Rows that have left it so far, published or parked: rises while it is being published. */
  readonly done: number;
}

/** What became of the rows that were given to be published. */
export interface Published {
  /** So many from the first on are done with: in the log, or to be parked. The others stay. */
  readonly done: number;
  /** Those of them that the log never takes. */
  readonly parked: readonly { readonly number: number; readonly reason: string }[];
}

/**
 * A message that goes with a change of the user's own database. It becomes a record, with the id
 * and the fingerprint that a gateway would give it, when it leaves for its partition.
 */
export interface OutboxMessage {
  readonly tenant: string;
  readonly conversation: string;
  /** The user in whose name it is sent. */
  readonly sender: string;
  /** Chosen once for the message; another message MUST have another one. */
  readonly key: string;
  readonly kind: MessageKind;
  /** A JSON object's text. */
  readonly content: string;
}

/** The row that a message becomes, or why it can never become one. */
export type Staged = OutboxRow | { readonly fault: string };

/** What the log or the program refused for good, kept for operators. */
export interface ParkedRow {
  /** `<topic>/<partition>/<number>`, or `message/<number>` of a message that became no row. */
  readonly origin: string;
  readonly reason: string;
  /** The record, or the message as JSON in `value`. */
  readonly record: LogRecord;
  /** Ms since 1970. */
  readonly parkedAt: number;
}

export interface OutboxStats {
  readonly rows: number;
  readonly chars: number;
  /** Messages that are not staged yet. */
  readonly messages: number;
  readonly parked: number;
  /** Ms that the oldest row or message has waited; 0 when there is none. */
  readonly oldestMs: number;
}

/**
 * Records that wait for the log, so that a receipt can be given while the log is away.
 *
 * - `put` MUST keep all rows or none, MUST resolve only when they are durable, and MUST number the
 *   rows of a partition in the order in which puts become visible: a row that another process can
 *   see never gets one with a lower number before it. It rejects with `overloaded` beyond the
 *   outbox's bounds, `row_refused` for data it cannot hold, `store_unavailable` when nothing was
 *   kept, `unknown_outcome` when the rows may be there.
 * - After a `put` resolved, every `pending` that begins later MUST show its partitions until all of
 *   those rows have left.
 * - `publish` MUST have at most one publisher at a time in a partition, of all processes; whoever
 *   dies lets go of it. The rows come in order and leave in order, after `publish`'s callback; a
 *   crash between the two repeats them.
 * - Messages MUST stage in the order in which they became visible. A message that was submitted in
 *   a transaction MUST NOT be seen before its commit, nor delay anyone else's.
 */
export interface Outbox {
  put(rows: readonly OutboxRow[]): Promise<void>;
  /** Partitions with rows, in no order. Cheap: asked at every connect. */
  pending(): Promise<readonly PendingPartition[]>;
  /**
   * Hands the oldest rows to `publish` while nobody else has the partition, then removes what it
   * says. What `publish` throws is thrown on, and all rows stay.
   *
   * @returns how many rows left; undefined when another publisher has the partition
   */
  publish(
    partition: PartitionId,
    rowsMax: number,
    publish: (entries: readonly OutboxEntry[]) => Promise<Published>,
  ): Promise<number | undefined>;
  submit(messages: readonly OutboxMessage[]): Promise<void>;
  /**
   * Makes the oldest messages rows, in one transaction with their removal. Those with a fault are
   * parked.
   *
   * @param build gives as many results as it gets messages, in their order
   * @returns how many messages left; undefined when another process is at it
   */
  stage(
    messagesMax: number,
    build: (messages: readonly OutboxMessage[]) => Promise<readonly Staged[]>,
  ): Promise<number | undefined>;
  /** Newest first. */
  parked(rowsMax: number): Promise<readonly ParkedRow[]>;
  stats(): Promise<OutboxStats>;
  close(): Promise<void>;
}
