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
  /** Nodes with a copy of each partition, and those that have all of it. */
  readonly replicas: readonly (readonly number[])[];
  readonly inSync: readonly (readonly number[])[];
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
  const replicas: number[][] = [];
  const inSync: number[][] = [];
  for (const partition of readCompactArray(decoder, readPartition)) {
    leaders[partition.index] = partition.leader;
    replicas[partition.index] = partition.replicas;
    inSync[partition.index] = partition.inSync;
  }
  decoder.readInt32();
  skipTags(decoder);
  return { code, name, id, internal, leaders, replicas, inSync };
}

function readPartition(decoder: Decoder) {
  decoder.readInt16();
  const index = decoder.readInt32();
  const leader = decoder.readInt32();
  decoder.readInt32();
  const readNumber = (numbers: Decoder) => numbers.readInt32();
  const replicas = readCompactArray(decoder, readNumber);
  const inSync = readCompactArray(decoder, readNumber);
  readCompactArray(decoder, readNumber);
  skipTags(decoder);
  return { index, leader, replicas, inSync };
}
