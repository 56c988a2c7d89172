import { AppError } from "../src/errors.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import type {
  LossAcceptingStore,
  PartitionId,
  PartitionState,
} from "../src/ports/message-store.ts";
import { parseVerdictHeader } from "../src/wire/record.ts";

/** Why a partition was halted. */
export type LossReason = "topic_recreated" | "log_expired" | "log_truncated" | "log_diverged";

export interface LossReport extends PartitionId {
  readonly reason: LossReason;
  readonly stored: Pick<PartitionState, "incarnation" | "nextOffset" | "lastId">;
  /** What the partition is set to. */
  readonly incarnation: string;
  readonly nextOffset: number;
  readonly lastId: string;
  /** Conversations whose readers start over. */
  readonly conversations: number;
}

/**
 * The operator's decision about a partition that delivery has halted: takes the partition, sets it
 * to what its log has now, and tells every reader of its conversations to start over. What the
 * store has stays readable; what the log no longer has and the store never got is lost.
 *
 * Placing goes on at the log's start after `topic_recreated` and `log_expired`, at its end after
 * `log_truncated`, and where it was after `log_diverged`.
 *
 * @returns what was done, or undefined when log and store agree, and nothing was changed but the
 *   owner epoch
 * @throws topic_unknown; fenced: a worker took the partition meanwhile, try again; what log and
 *   store throw
 */
export async function acceptLoss(
  log: EventLog,
  store: LossAcceptingStore,
  { topic, partition }: PartitionId,
): Promise<LossReport | undefined> {
  const info = await log.describeTopic(topic);
  if (info === undefined || partition >= info.partitions)
    throw new AppError("topic_unknown", `There is no partition ${topic}/${partition}`);
  // From here on no worker of before can store anything.
  const state = await store.acquire({ topic, partition });
  if (state.incarnation === undefined) return undefined;
  const range = await log.range(topic, partition);
  const { incarnation } = info;
  const stored = state.nextOffset;
  let reason: LossReason;
  let nextOffset = stored;
  if (state.incarnation !== incarnation) {
    reason = "topic_recreated";
    nextOffset = range.start;
  } else if (stored < range.start) {
    reason = "log_expired";
    nextOffset = range.start;
  } else if (stored > range.end) {
    reason = "log_truncated";
    nextOffset = range.end;
  } else {
    const id = await idBefore(log, topic, partition, stored, range.start);
    if (id === undefined || id === state.lastId) return undefined;
    reason = "log_diverged";
  }
  const lastId = (await idBefore(log, topic, partition, nextOffset, range.start)) ?? "";
  const conversations = await store.acceptLoss({
    topic,
    partition,
    ownerEpoch: state.ownerEpoch,
    incarnation,
    nextOffset,
    lastId,
  });
  const { lastId: storedId } = state;
  return {
    topic,
    partition,
    reason,
    stored: { incarnation: state.incarnation, nextOffset: stored, lastId: storedId },
    incarnation,
    nextOffset,
    lastId,
    conversations,
  };
}

/** Id of the record just before an offset, as delivery compares it; undefined when there is none. */
async function idBefore(
  log: EventLog,
  topic: string,
  partition: number,
  offset: number,
  start: number,
): Promise<string | undefined> {
  if (offset <= start) return undefined;
  const { records, offsets } = await log.read(topic, partition, offset - 1, 1);
  const [record] = records;
  if (record === undefined || offsets[0] !== offset - 1) return undefined;
  return parseVerdictHeader(record)?.id ?? "";
}

/** The report as an operator reads it. */
export function lossText(report: LossReport): string {
  const { topic, partition, reason, stored, incarnation, nextOffset, conversations } = report;
  return [
    `${topic}/${partition}: ${reason}`,
    `  stored was incarnation ${stored.incarnation ?? "none"}, next offset ${stored.nextOffset}`,
    `  now it is incarnation ${incarnation}, next offset ${nextOffset}`,
    `  readers of ${conversations} conversations start over`,
  ].join("\n");
}
