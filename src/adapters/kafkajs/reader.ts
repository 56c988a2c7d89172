import { AppError } from "../../errors.ts";
import { BatchReader, CorruptBatchError } from "../../kafka/record-batch.ts";
import { topicIdOf } from "../../kafka/topic-id.ts";
import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PartitionRange, RecordBatch } from "../../ports/event-log.ts";
import type { Brokers } from "./brokers.ts";
import { batchCodec } from "./codec.ts";
import type { Directory } from "./directory.ts";
import { fetchCall } from "./fetch.ts";
import { atLeader } from "./leader-calls.ts";
import { assertOk, errorType } from "./protocol.ts";

export interface ReaderOptions {
  readonly brokers: Brokers;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "fetchBytesMax" | "fetchPartitionBytesMax">;
  readonly withinMs: number;
}

interface ListOffsetsAnswer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly errorCode: number; readonly offset: string }[];
  }[];
}

const EARLIEST = -2;
const LATEST = -1;
/** Offsets of open transactions are not read, so they are beyond the end. */
const READ_COMMITTED = 1;

/** Reads bounds and pages of partitions, outside of any group. */
export class PartitionReader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** As `EventLog.range`. */
  range(topic: string, partition: number): Promise<PartitionRange> {
    return atLeader(this.#options, topic, partition, async (node) => {
      const bounds = [EARLIEST, LATEST].map((timestamp) =>
        this.#offsetAt(node, topic, partition, timestamp),
      );
      const [start = 0, end = 0] = await Promise.all(bounds);
      return { start, end };
    });
  }

  /** As `EventLog.read`. */
  async read(
    topic: string,
    partition: number,
    offset: number,
    recordsMax: number,
  ): Promise<RecordBatch> {
    try {
      return await this.#read(topic, partition, offset, recordsMax);
    } catch (error) {
      if (!(error instanceof AppError) || errorType(error.cause) !== "OFFSET_OUT_OF_RANGE")
        throw error;
      throw positionError(topic, partition, offset, await this.range(topic, partition)) ?? error;
    }
  }

  #read(topic: string, partition: number, from: number, recordsMax: number): Promise<RecordBatch> {
    const { brokers, limits } = this.#options;
    return atLeader(this.#options, topic, partition, async (node, { info }) => {
      let offset = from;
      for (;;) {
        const call = fetchCall([{ topicId: topicIdOf(info.incarnation), partition, offset }], {
          waitMs: 0,
          bytesMax: limits.fetchBytesMax,
          partitionBytesMax: limits.fetchPartitionBytesMax,
        });
        const answer = await brokers.ask("read", node, call);
        const place = `${topic}/${partition}`;
        assertOk(answer.code, place);
        const fetched = answer.partitions[0];
        assertOk(fetched?.code ?? -1, place);
        if (fetched === undefined || fetched.bytes.length === 0)
          return { topic, partition, records: [], offsets: [], nextOffset: offset };
        const { records, offsets, nextOffset } = decode(fetched, offset, recordsMax);
        if (records.length > 0) return { topic, partition, records, offsets, nextOffset };
        // Markers and aborted transactions only: what follows may be of use.
        if (nextOffset === offset) throw corrupt(topic, partition, offset);
        offset = nextOffset;
      }
    });
  }

  async #offsetAt(
    node: number,
    topic: string,
    partition: number,
    timestamp: number,
  ): Promise<number> {
    const topics = [{ topic, partitions: [{ partition, timestamp }] }];
    const answer = await this.#options.brokers.ask<ListOffsetsAnswer>("admin", node, {
      api: "ListOffsets",
      options: { isolationLevel: READ_COMMITTED, topics },
    });
    const found = answer.responses[0]?.partitions[0];
    assertOk(found?.errorCode ?? -1, `${topic}/${partition}`);
    return Number(found?.offset);
  }
}

interface Page {
  readonly records: RecordBatch["records"];
  readonly offsets: readonly number[];
  readonly nextOffset: number;
}

function decode(
  fetched: {
    readonly bytes: Buffer;
    readonly aborted: ConstructorParameters<typeof BatchReader>[2];
  },
  offset: number,
  recordsMax: number,
): Page {
  const reader = new BatchReader(fetched.bytes, offset, fetched.aborted, batchCodec);
  try {
    const { records, offsets } = reader.take(recordsMax);
    if (records.length <= recordsMax) return { records, offsets, nextOffset: reader.next };
    return {
      records: records.slice(0, recordsMax),
      offsets: offsets.slice(0, recordsMax),
      nextOffset: (offsets[recordsMax - 1] as number) + 1,
    };
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error;
    throw new AppError("log_corrupt", error.message, { cause: error });
  }
}

function corrupt(topic: string, partition: number, offset: number): AppError {
  return new AppError("log_corrupt", `${topic}/${partition}: no record at ${offset}`);
}

/** What is wrong with a position, or undefined when it lies within the log. */
export function positionError(
  topic: string,
  partition: number,
  offset: number,
  { start, end }: PartitionRange,
): AppError | undefined {
  const place = `${topic}/${partition}`;
  if (offset < start) return new AppError("log_expired", `${place} starts at ${start}`);
  if (offset > end) return new AppError("log_truncated", `${place} ends at ${end}`);
  return undefined;
}
