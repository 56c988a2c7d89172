import { KafkaClient } from "../../src/adapters/kafka/client.ts";
import type { KafkaSettings } from "../../src/kafka/settings.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { Placement } from "../../src/tenants.ts";
import {
  DEAD_LETTER_POOLS,
  deadLetterTopic,
  REDRIVEN_TOPIC,
  type TopicSpec,
} from "../../src/topics.ts";
import { describeTopic } from "../cluster/describe-topic.ts";
import { Fault, Warning } from "./check.ts";
import { faultOf } from "./kafka-fault.ts";
import { mayCreate, topicRights, type TopicRights } from "./topic-rights.ts";

export interface TopicCheckOptions {
  readonly settings: KafkaSettings;
  /** On the client that the settings name. */
  readonly log: EventLog;
  readonly clock: Clock;
  /** Places of all tenants; undefined when there is no Postgres to ask. */
  readonly placements: (() => Promise<readonly Placement[]>) | undefined;
}

const TOPICS_SHOWN = 5;
/** What gateways and pools do with a topic. */
const OPERATIONS = ["read", "write"] as const;

/** Whether the tenants' topics are as the catalog says, and may be used. */
export async function checkTopics(options: TopicCheckOptions): Promise<string> {
  const { log, placements } = options;
  if (placements === undefined) return "not compared, as the tenants are in Postgres";
  let places: ReadonlyMap<string, Placement>;
  try {
    places = new Map((await placements()).map((place) => [place.topic, place]));
  } catch {
    // Postgres's own checks say why.
    return "not compared, as the tenants cannot be read";
  }
  const faults: string[] = [];
  const denied: string[] = [];
  for (const { topic, partitions } of places.values()) {
    const info = await describeTopic(log, topic);
    if (info === "denied") denied.push(topic);
    else if (info === undefined) faults.push(`${topic} is not there, or may not be seen`);
    else if (info.partitions !== partitions)
      faults.push(`${topic} has ${info.partitions} partitions, the catalog says ${partitions}`);
  }
  if (denied.length > 0) throw faultOf("topic_denied", `the user may not see ${someOf(denied)}`);
  if (faults.length > 0) {
    throw new Fault(
      someOf(faults),
      "the topics: one that was deleted or given other partitions takes its tenant's conversations with it. Put it back from a backup, or remove the tenant (bun run tenants remove) and add another; or the ACLs of KAFKA_SASL_USERNAME",
    );
  }
  await checkRights(options, [...places.keys()]);
  return places.size === 0 ? "no tenants yet" : `${places.size}, as the catalog says`;
}

/** @throws Fault when the user may see topics, and not read or write them */
async function checkRights(
  { settings, clock }: TopicCheckOptions,
  topics: readonly string[],
): Promise<void> {
  const client = new KafkaClient({ settings, clock });
  try {
    const rights = await topicRights(client, topics);
    for (const operation of OPERATIONS) {
      const without = topics.filter((topic) => rights.get(topic)?.may(operation) === false);
      if (without.length > 0)
        throw faultOf("topic_denied", `the user may not ${operation} ${someOf(without)}`);
    }
  } finally {
    await client.close();
  }
}

/**
 * Whether dead letters can be kept, and marked as redriven: nobody misses these rights before the
 * first letter, which may be months away. Without those on marks, only the ops page and the command
 * lack something.
 */
export async function checkDeadLetters({ settings, clock }: TopicCheckOptions): Promise<string> {
  const kept = DEAD_LETTER_POOLS.map(deadLetterTopic);
  const topics = [...kept, REDRIVEN_TOPIC];
  const client = new KafkaClient({ settings, clock });
  try {
    const names = topics.map(({ name }) => name);
    const rights = await topicRights(client, names);
    const faults: string[] = [];
    let isKeeping = true;
    for (const spec of topics) {
      const lacking = await lackingOf(client, settings, spec, rights.get(spec.name));
      if (lacking.length === 0) continue;
      faults.push(`the user may not ${lacking.join(" or ")} ${spec.name}`);
      if (spec !== REDRIVEN_TOPIC) isKeeping = false;
    }
    if (faults.length === 0) return `${names.join(" and ")} can be used`;
    const { message, look } = faultOf("topic_denied", faults.join("; "));
    throw isKeeping ? new Warning(message, look) : new Fault(message, look);
  } finally {
    await client.close();
  }
}

/** What the user may not do with a topic that is made when it is not there. */
async function lackingOf(
  client: KafkaClient,
  settings: KafkaSettings,
  spec: TopicSpec,
  rights: TopicRights | undefined,
): Promise<readonly string[]> {
  if (rights === undefined || rights.isHidden) return ["see"];
  const lacking: string[] = OPERATIONS.filter((operation) => !rights.may(operation));
  if (!rights.isThere && !(await mayCreate(client, spec, settings))) lacking.push("create");
  return lacking;
}

function someOf(texts: readonly string[]): string {
  const more = texts.length - TOPICS_SHOWN;
  return texts.slice(0, TOPICS_SHOWN).join("; ") + (more > 0 ? `; and ${more} more` : "");
}
