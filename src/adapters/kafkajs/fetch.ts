import type Decoder from "kafkajs/src/protocol/decoder.js";
import type { AbortedTransaction } from "../../kafka/record-batch.ts";
import type { Call } from "./brokers.ts";
import { decoderOf, encode, readCompactArray, skipTags } from "./protocol.ts";

export interface FetchPosition {
  /** The topic's id in hexadecimal digits: a topic that was made again is not read by mistake. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
}

export interface FetchBounds {
  /** The broker answers after this time also when there is nothing new. */
  readonly waitMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly code: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they lie in the log; the last one may be cut. */
  readonly bytes: Buffer;
}

export interface FetchAnswer {
  readonly code: number;
  readonly partitions: readonly FetchedPartition[];
  /** The library waits so long before it sends more (KIP-219). */
  readonly clientSideThrottleTime: number;
}

const API_KEY = 1;
/** The library ends at 11; 13 names topics by id (KIP-516), and Kafka 3.5 to 4 have it. */
const API_VERSION = 13;
const CONSUMER = -1;
const READ_COMMITTED = 1;
const NO_SESSION = 0;
const FULL_FETCH = -1;
const UNKNOWN = -1;
const EMPTY = Buffer.alloc(0);

/** Fetch, version 13, read committed. */
export function fetchCall(
  positions: readonly FetchPosition[],
  { waitMs, bytesMax, partitionBytesMax }: FetchBounds,
): Call<FetchAnswer> {
  const topics = Map.groupBy(positions, (position) => position.topicId);
  return {
    raw: {
      request: {
        apiKey: API_KEY,
        apiVersion: API_VERSION,
        apiName: "Fetch",
        encode: () =>
          encode((encoder) => {
            encoder.writeUVarInt(0);
            encoder.writeInt32(CONSUMER).writeInt32(waitMs).writeInt32(1).writeInt32(bytesMax);
            encoder.writeInt8(READ_COMMITTED).writeInt32(NO_SESSION).writeInt32(FULL_FETCH);
            encoder.writeUVarInt(topics.size + 1);
            for (const [topicId, partitions] of topics) {
              encoder.writeBuffer(Buffer.from(topicId, "hex"));
              encoder.writeUVarInt(partitions.length + 1);
              for (const { partition, offset } of partitions) {
                encoder.writeInt32(partition).writeInt32(UNKNOWN);
                encoder.writeInt32(Math.floor(offset / 2 ** 32)).writeInt32(offset | 0);
                encoder.writeInt32(UNKNOWN).writeInt32(UNKNOWN).writeInt32(UNKNOWN);
                encoder.writeInt32(partitionBytesMax).writeUVarInt(0);
              }
              encoder.writeUVarInt(0);
            }
            encoder.writeUVarInt(1).writeUVarIntString("").writeUVarInt(0);
          }),
      },
      response: { decode: (payload) => Promise.resolve(decodeAnswer(payload)) },
    },
  };
}

function decodeAnswer(payload: Buffer): FetchAnswer {
  const decoder = decoderOf(payload);
  skipTags(decoder);
  const clientSideThrottleTime = decoder.readInt32();
  const code = decoder.readInt16();
  decoder.readInt32();
  const topics = readCompactArray(decoder, readTopic);
  return { code, partitions: topics.flat(), clientSideThrottleTime };
}

function readTopic(decoder: Decoder): readonly FetchedPartition[] {
  const topicId = (decoder.readBytes(16) ?? EMPTY).toString("hex");
  const partitions = readCompactArray(decoder, () => readPartition(decoder, topicId));
  skipTags(decoder);
  return partitions;
}

function readPartition(decoder: Decoder, topicId: string): FetchedPartition {
  const partition = decoder.readInt32();
  const code = decoder.readInt16();
  decoder.readInt64();
  decoder.readInt64();
  decoder.readInt64();
  const aborted = readCompactArray(decoder, readAborted);
  decoder.readInt32();
  const length = decoder.readUVarInt() - 1;
  const bytes = length > 0 ? (decoder.readBytes(length) ?? EMPTY) : EMPTY;
  skipTags(decoder);
  return { topicId, partition, code, aborted, bytes };
}

function readAborted(decoder: Decoder): AbortedTransaction {
  const producerId = Number(decoder.readInt64());
  const firstOffset = Number(decoder.readInt64());
  skipTags(decoder);
  return { producerId, firstOffset };
}
