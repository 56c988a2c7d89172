import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
  encodeConsumerProtocolAssignment,
  encodeConsumerProtocolSubscription,
} from "@platformatic/kafka";
import type { Partitions, StickyMember } from "../../policy/sticky-assignment.ts";

/** Kafka's consumer protocol with owned partitions and their generation (KIP-429, KIP-792). */
const VERSION = 2;

/** What a member's assignment says besides its partitions. */
export interface AssignmentNote {
  /** False while another round follows soon. */
  readonly settled: boolean;
  /** {@link topicsMark} of the topics that the leader took this member to read. */
  readonly mark: string;
  /** A mark of the topics and partitions that the leader knew. */
  readonly plan: string;
  /** Whom the leader meant: a member that came back under its name inherits what it had. */
  readonly memberId: string;
}

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
    userData: `${note.settled ? "settled" : "moving"} ${note.mark} ${note.plan} ${note.memberId}`,
  });
}

export function decodeAssignment(bytes: Buffer): {
  readonly target: Partitions;
  readonly note: AssignmentNote;
} {
  const { assignedPartitions, userData } = decodeConsumerProtocolAssignment(bytes);
  const [state, mark = "", plan = "", ...memberId] = userData.toString().split(" ");
  return {
    target: new Map(assignedPartitions.map(({ topic, partitions }) => [topic, partitions])),
    note: { settled: state === "settled", mark, plan, memberId: memberId.join(" ") },
  };
}

/** The same for the same topics, whatever their order; short, to be compared. */
export function topicsMark(topics: ReadonlySet<string>): string {
  let sum = 0;
  let product = 0;
  for (const name of topics) {
    let hash = 0;
    for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
    sum = (sum + hash) | 0;
    product = (product + Math.imul(hash, hash | 1)) | 0;
  }
  return [topics.size, sum, product].map((part) => (part >>> 0).toString(36)).join(".");
}

function listed(partitions: Partitions): { topic: string; partitions: number[] }[] {
  return [...partitions].map(([topic, list]) => ({ topic, partitions: [...list] }));
}
