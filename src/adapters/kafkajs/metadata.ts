import type Decoder from "kafkajs/src/protocol/decoder.js";
import type { Call, NodeAddress } from "./brokers.ts";
import { decoderOf, encode, readCompactArray, skipTags } from "./protocol.ts";

/** A topic as the cluster describes it. */
export interface TopicMetadata {
  readonly code: number;
  readonly name: string;
  /** The topic's id as hexadecimal digits: another one after it was deleted and made again (KIP-516). */
  readonly id: string;
  readonly internal: boolean;
  /** Node that leads each partition; −1: none at the moment. */
  readonly leaders: readonly number[];
}

export interface ClusterMetadata {
  readonly nodes: readonly NodeAddress[];
  readonly topics: readonly TopicMetadata[];
}

const API_KEY = 3;
/** The library ends at version 6; topic ids come with 10, and 12 is what Kafka 3.5 to 4 all have. */
const API_VERSION = 12;
const NO_ID = Buffer.alloc(16);

/**
 * Metadata, version 12.
 *
 * @param topics undefined: all there are
 */
export function metadataCall(topics: readonly string[] | undefined): Call<ClusterMetadata> {
  return {
    raw: {
      request: {
        apiKey: API_KEY,
        apiVersion: API_VERSION,
        apiName: "Metadata",
        encode: () =>
          encode((encoder) => {
            // The library's request header ends before the tagged fields of a flexible version.
            encoder.writeUVarInt(0);
            encoder.writeUVarInt(topics === undefined ? 0 : topics.length + 1);
            for (const name of topics ?? [])
              encoder.writeBuffer(NO_ID).writeUVarIntString(name).writeUVarInt(0);
            encoder.writeBoolean(false).writeBoolean(false).writeUVarInt(0);
          }),
      },
      response: { decode: (payload) => Promise.resolve(decodeMetadata(payload)) },
    },
  };
}

function decodeMetadata(payload: Buffer): ClusterMetadata {
  const decoder = decoderOf(payload);
  skipTags(decoder);
  decoder.readInt32();
  const nodes = readCompactArray(decoder, readNode);
  decoder.readUVarIntString();
  decoder.readInt32();
  return { nodes, topics: readCompactArray(decoder, readTopic) };
}

function readNode(decoder: Decoder): NodeAddress {
  const id = decoder.readInt32();
  const host = decoder.readUVarIntString() ?? "";
  const port = decoder.readInt32();
  decoder.readUVarIntString();
  skipTags(decoder);
  return { id, host, port };
}

function readTopic(decoder: Decoder): TopicMetadata {
  const code = decoder.readInt16();
  const name = decoder.readUVarIntString() ?? "";
  const id = (decoder.readBytes(16) ?? NO_ID).toString("hex");
  const internal = decoder.readBoolean();
  const leaders: number[] = [];
  const partitions = readCompactArray(decoder, readPartition);
  for (const { index, leader } of partitions) leaders[index] = leader;
  decoder.readInt32();
  skipTags(decoder);
  return { code, name, id, internal, leaders };
}

function readPartition(decoder: Decoder): { index: number; leader: number } {
  decoder.readInt16();
  const index = decoder.readInt32();
  const leader = decoder.readInt32();
  decoder.readInt32();
  const readNumber = (numbers: Decoder) => numbers.readInt32();
  for (let list = 0; list < 3; list++) readCompactArray(decoder, readNumber);
  skipTags(decoder);
  return { index, leader };
}
