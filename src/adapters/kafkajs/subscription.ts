import Encoder from "kafkajs/src/protocol/encoder.js";
import { type AssignmentNote, decodeNote, encodeNote } from "../../kafka/assignment-note.ts";
import type { Partitions } from "../../policy/sticky-assignment.ts";
import { decoderOf, readArray } from "./protocol.ts";

/** What a member tells the group's leader. */
export interface Subscription {
  readonly topics: ReadonlySet<string>;
  readonly owned: Partitions;
  /** Of the assignment that `owned` comes from; −1: none. */
  readonly generation: number;
}

/** The first version with `generation` (KIP-792). The library ends at 0. */
const SUBSCRIPTION_VERSION = 2;
const OWNED_SINCE = 1;
const GENERATION_SINCE = 2;
const ASSIGNMENT_VERSION = 1;
const NO_BYTES = -1;

/** `ConsumerProtocolSubscription`, version 2: any tool that describes groups can read it. */
export function encodeSubscription({ topics, owned, generation }: Subscription): Buffer {
  const encoder = new Encoder().writeInt16(SUBSCRIPTION_VERSION).writeInt32(topics.size);
  for (const topic of topics) encoder.writeString(topic);
  encoder.writeInt32(NO_BYTES);
  return writePartitions(encoder, owned).writeInt32(generation).buffer;
}

export function decodeSubscription(bytes: Buffer): Subscription {
  const decoder = decoderOf(bytes);
  const version = decoder.readInt16();
  const topics = new Set(readArray(decoder, () => decoder.readString()));
  decoder.readBytes();
  const owned = version >= OWNED_SINCE ? readPartitions(decoder) : new Map();
  const generation = version >= GENERATION_SINCE ? decoder.readInt32() : -1;
  return { topics, owned, generation };
}

export interface Assignment {
  readonly partitions: Partitions;
  readonly note: AssignmentNote;
}

/** `ConsumerProtocolAssignment`, version 1. */
export function encodeAssignment({ partitions, note }: Assignment): Buffer {
  const encoder = new Encoder().writeInt16(ASSIGNMENT_VERSION);
  return writePartitions(encoder, partitions).writeBytes(encodeNote(note)).buffer;
}

/** No bytes at all are an empty assignment. */
export function decodeAssignment(bytes: Buffer | null): Assignment {
  if (bytes === null || bytes.length === 0)
    return { partitions: new Map(), note: decodeNote(null) };
  const decoder = decoderOf(bytes);
  decoder.readInt16();
  const partitions = readPartitions(decoder);
  return { partitions, note: decodeNote(decoder.readBytes()) };
}

function writePartitions(encoder: Encoder, partitions: Partitions): Encoder {
  encoder.writeInt32(partitions.size);
  for (const [topic, list] of partitions) {
    encoder.writeString(topic).writeInt32(list.length);
    for (const partition of list) encoder.writeInt32(partition);
  }
  return encoder;
}

function readPartitions(decoder: ReturnType<typeof decoderOf>): Partitions {
  const read = () => [decoder.readString(), readArray(decoder, () => decoder.readInt32())] as const;
  return new Map(readArray(decoder, read));
}
