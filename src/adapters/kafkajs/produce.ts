import type Decoder from "kafkajs/src/protocol/decoder.js";
import type { Call } from "./brokers.ts";
import { decoderOf, encode, readArray } from "./protocol.ts";

export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly code: number;
  readonly base: number;
}

export interface ProduceAnswer {
  readonly partitions: readonly ProducedPartition[];
  /** The library waits so long before it sends more (KIP-219). */
  readonly clientSideThrottleTime: number;
}

/** By topic and partition. */
export type EncodedBatches = ReadonlyMap<string, ReadonlyMap<number, Buffer>>;

const API_KEY = 0;
/** The newest that the library knows; zstd needs it. */
const API_VERSION = 7;
const ALL_REPLICAS = -1;

/**
 * Produce, version 7, acks=all.
 *
 * @param take called when the request is about to go to the socket; until then nothing was sent
 */
export function produceCall(take: () => EncodedBatches, timeoutMs: number): Call<ProduceAnswer> {
  return {
    raw: {
      request: {
        apiKey: API_KEY,
        apiVersion: API_VERSION,
        apiName: "Produce",
        encode: () =>
          encode((encoder) => {
            const batches = take();
            encoder.writeString(null).writeInt16(ALL_REPLICAS).writeInt32(timeoutMs);
            encoder.writeInt32(batches.size);
            for (const [topic, partitions] of batches) {
              encoder.writeString(topic).writeInt32(partitions.size);
              for (const [partition, bytes] of partitions)
                encoder.writeInt32(partition).writeInt32(bytes.length).writeBuffer(bytes);
            }
          }),
      },
      response: { decode: (payload) => Promise.resolve(decodeAnswer(payload)) },
    },
  };
}

function decodeAnswer(payload: Buffer): ProduceAnswer {
  const decoder = decoderOf(payload);
  const topics = readArray(decoder, readTopic);
  return { partitions: topics.flat(), clientSideThrottleTime: decoder.readInt32() };
}

function readTopic(decoder: Decoder): readonly ProducedPartition[] {
  const topic = decoder.readString();
  return readArray(decoder, () => {
    const partition = decoder.readInt32();
    const code = decoder.readInt16();
    const base = Number(decoder.readInt64());
    decoder.readInt64();
    decoder.readInt64();
    return { topic, partition, code, base };
  });
}
