import { AppError } from "../../src/errors.ts";
import type { EventLog, TopicInfo } from "../../src/ports/event-log.ts";
import type { MessageStore, PartitionState } from "../../src/ports/message-store.ts";
import { parseVerdictHeader, type LogRecord } from "../../src/wire/record.ts";

/** The id that stands in a record's header, "" when it has none. */
function recordId(record: LogRecord): string {
  return parseVerdictHeader(record)?.id ?? "";
}

/** A partition's stored state, and where its log ended when it was taken. */
export interface Acquired extends PartitionState {
  /** An earlier owner may have published everything below. */
  readonly logEnd: number;
}

/**
 * Takes a partition in the store and checks that the log is the one that the stored offset belongs
 * to (design: offset checks at assignment).
 * @throws topic_recreated, log_expired, log_truncated, log_diverged: an operator has to decide
 */
export async function acquirePartition(
  store: MessageStore,
  log: EventLog,
  topic: TopicInfo,
  partition: number,
): Promise<Acquired> {
  const state = await store.acquire({ topic: topic.name, partition });
  const where = `${topic.name}/${partition}`;
  if (state.incarnation !== undefined && state.incarnation !== topic.incarnation) {
    throw new AppError(
      "topic_recreated",
      `${where} is incarnation ${topic.incarnation}, stored is ${state.incarnation}`,
    );
  }
  const range = await log.range(topic.name, partition);
  const next = state.nextOffset;
  if (next < range.start) {
    throw new AppError("log_expired", `${where} starts at ${range.start}, stored is ${next}`);
  }
  if (next > range.end) {
    throw new AppError("log_truncated", `${where} ends at ${range.end}, stored is ${next}`);
  }
  if (next > range.start) {
    const batch = await log.read(topic.name, partition, next - 1, 1);
    const record = batch.records[0];
    if (record !== undefined && batch.offsets[0] === next - 1) {
      const id = recordId(record);
      if (id !== state.lastId) {
        throw new AppError(
          "log_diverged",
          `${where} has ${JSON.stringify(id)} at ${next - 1}, stored is ${JSON.stringify(state.lastId)}`,
        );
      }
    }
  }
  return { ...state, logEnd: range.end };
}
