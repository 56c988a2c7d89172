import { metadataV12 } from "@platformatic/kafka";
import type { KafkaClient } from "../../src/adapters/kafka/client.ts";

/** Topics that one request asks for. */
const TOPICS_AT_ONCE = 200;
/** What a broker without an authorizer answers, or one that was not asked (KIP-430). */
const UNKNOWN = -2_147_483_648;

/**
 * What the user may do with topics: a bit for each of Kafka's AclOperation codes. Topics of which
 * the broker does not say so are not in it.
 */
export async function topicRights(
  client: KafkaClient,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rights = new Map<string, number>();
  for (let at = 0; at < topics.length; at += TOPICS_AT_ONCE) {
    const names = topics.slice(at, at + TOPICS_AT_ONCE);
    const connection = await client.anyConnection();
    const response = await metadataV12.api.async(connection, names, false, true);
    for (const { name, topicAuthorizedOperations: bits } of response.topics)
      if (typeof name === "string" && bits !== UNKNOWN) rights.set(name, bits);
  }
  return rights;
}
