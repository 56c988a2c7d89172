import { createTopicsV7, metadataV12, ProtocolError } from "@platformatic/kafka";
import { answer } from "../../src/adapters/kafka/answer.ts";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";
import { kafkaFault } from "../../src/kafka/error.ts";
import type { KafkaSettings } from "../../src/kafka/settings.ts";
import type { TopicSpec } from "../../src/topics.ts";

/** Topics that one request asks for. */
const TOPICS_AT_ONCE = 200;
/** What a broker without an authorizer answers, or one that was not asked (KIP-430). */
const UNKNOWN = -2_147_483_648;
const TOPIC_DENIED = 29;
const TOPIC_EXISTS = 36;
const EVERYTHING = -1;
/** Kafka's codes of AclOperation. */
const OPERATIONS = { read: 3, write: 4 } as const;

/** What the user may do with one topic. */
export interface TopicRights {
  readonly isThere: boolean;
  /** Whether the user may not so much as see whether it is there. */
  readonly isHidden: boolean;
  /** Also of a topic that is not there. */
  may(operation: keyof typeof OPERATIONS): boolean;
}

/** What the user may do with each of the topics. */
export async function topicRights(
  client: KafkaClient,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicRights>> {
  const rights = new Map<string, TopicRights>();
  for (let at = 0; at < topics.length; at += TOPICS_AT_ONCE) {
    const names = topics.slice(at, at + TOPICS_AT_ONCE);
    const connection = await client.anyConnection();
    const asked = metadataV12.api.async(connection, names, false, true);
    for (const { name, errorCode, topicAuthorizedOperations } of (await answer(asked)).topics) {
      const isHidden = errorCode === TOPIC_DENIED;
      const isSaid = topicAuthorizedOperations !== UNKNOWN;
      const bits = isHidden ? 0 : isSaid ? topicAuthorizedOperations : EVERYTHING;
      const may = (operation: keyof typeof OPERATIONS): boolean =>
        (bits & (1 << OPERATIONS[operation])) !== 0;
      if (typeof name === "string") rights.set(name, { isThere: errorCode === 0, isHidden, may });
    }
  }
  return rights;
}

/** Whether the user may make a topic that is not there; none is made. @throws any other refusal */
export async function mayCreate(
  client: KafkaClient,
  spec: TopicSpec,
  { replication, requestTimeoutMs }: KafkaSettings,
): Promise<boolean> {
  const topic = {
    name: spec.name,
    numPartitions: spec.partitions,
    replicationFactor: replication,
    assignments: [],
    configs: [],
  };
  const connection = await client.anyConnection();
  const asked = createTopicsV7.api.async(connection, [topic], requestTimeoutMs, true);
  const outcome = (await answer(asked)).topics[0];
  if (outcome === undefined || [0, TOPIC_EXISTS].includes(outcome.errorCode)) return true;
  const error = new ProtocolError(outcome.errorCode, outcome.errorMessage);
  if (kafkaFault(error).kind === "authorization") return false;
  throw error;
}
