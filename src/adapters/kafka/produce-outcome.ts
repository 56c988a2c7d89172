import type { AppError } from "../../errors.ts";
import type { BatchOutcome } from "../../kafka/log-batch.ts";

/** What else an error of a produce answer asks for. */
export type RefusalEffect = "none" | "leader" | "epoch" | "producer";

export interface Refusal {
  readonly outcome: BatchOutcome;
  readonly effect: RefusalEffect;
}

/** Another broker leads the partition, or none at the moment; nothing was written. */
const MOVED: ReadonlySet<string> = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "BROKER_NOT_AVAILABLE",
]);

/** Written by the leader, perhaps; the same batch again is written once. */
const HALF_WRITTEN: ReadonlySet<string> = new Set([
  "REQUEST_TIMED_OUT",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "NETWORK_EXCEPTION",
  "KAFKA_STORAGE_ERROR",
  "UNKNOWN_SERVER_ERROR",
]);

/** The broker does not know this producer id, or not this epoch of it. */
const STRANGER: ReadonlySet<string> = new Set([
  "INVALID_PRODUCER_EPOCH",
  "UNKNOWN_PRODUCER_ID",
  "PRODUCER_FENCED",
  "INVALID_PRODUCER_ID_MAPPING",
]);

/**
 * What a partition's error in a produce answer means (org.apache.kafka.common.protocol.Errors).
 *
 * @param uncertain whether an earlier try of the batch may have been written
 */
export function outcomeOf(name: string, error: AppError, uncertain: boolean): Refusal {
  if (MOVED.has(name))
    return { outcome: { kind: "again", written: "no", error }, effect: "leader" };
  if (HALF_WRITTEN.has(name))
    return { outcome: { kind: "again", written: "maybe", error }, effect: "none" };
  if (name === "NOT_ENOUGH_REPLICAS" || name === "THROTTLING_QUOTA_EXCEEDED")
    return { outcome: { kind: "again", written: "no", error }, effect: "none" };
  if (name === "MESSAGE_TOO_LARGE" || name === "RECORD_LIST_TOO_LARGE")
    return { outcome: { kind: "too_large", error }, effect: "none" };
  // Written by an earlier try, so long ago that the broker has forgotten where.
  if (name === "DUPLICATE_SEQUENCE_NUMBER")
    return { outcome: { kind: "unknown", error }, effect: "epoch" };
  // What the broker has of this epoch ends elsewhere (a log that was cut off, for one), and an
  // earlier try is not among it.
  if (name === "OUT_OF_ORDER_SEQUENCE_NUMBER")
    return { outcome: { kind: "again", written: "no", error }, effect: "epoch" };
  if (STRANGER.has(name)) {
    // Under another id an earlier try would not be seen as the same batch.
    const outcome: BatchOutcome = uncertain
      ? { kind: "unknown", error }
      : { kind: "again", written: "no", error };
    return { outcome, effect: "producer" };
  }
  return { outcome: { kind: "failed", error }, effect: "none" };
}
