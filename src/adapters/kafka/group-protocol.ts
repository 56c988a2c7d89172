import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
} from "@platformatic/kafka";
import { type AssignmentNote, decodeNote, encodeNote } from "../../kafka/assignment-note.ts";
import type { Partitions, StickyMember } from "../../policy/sticky-assignment.ts";

/** Kafka's consumer protocol with owned partitions and their generation (KIP-429, KIP-792). */
const VERSION = 2;

export function encodeSubscription(
  topics: ReadonlySet<string>,
  owned: Partitions,
  generation: number,
): Buffer {
  return encodeConsumerProtocolSubscription({
    version: VERSION,
    topics: [...topics],
    ownedPartitions: listed(owned),
    generationId: generation,
  });
}

/** @throws when the metadata is not of Kafka's consumer protocol */
export function decodeSubscription(name: string, metadata: Buffer): StickyMember {
  const { topics, ownedPartitions, generationId } = decodeConsumerProtocolSubscription(metadata);
  return {
    name,
    topics: new Set(topics),
    owned: new Map(ownedPartitions.map(({ topic, partitions }) => [topic, partitions])),
    generation: generationId,
  };
}

export function encodeAssignment(partitions: Partitions, note: AssignmentNote): Buffer {
  return encodeConsumerProtocolAssignment({
    version: VERSION,
    assignedPartitions: listed(partitions),
    userData: encodeNote(note),
  });
}

export function decodeAssignment(bytes: Buffer): {
  readonly target: Partitions;
  readonly note: AssignmentNote;
} {
  const { assignedPartitions, userData } = decodeConsumerProtocolAssignment(bytes);
  return {
    target: new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions])),
    note: decodeNote(userData),
  };
}

function listed(partitions: Partitions): { topic: string; partitions: number[] }[] {
  return [...partitions].map(([topic, list]) => ({ topic, partitions: [...list] }));
}
