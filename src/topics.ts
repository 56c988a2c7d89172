import { isTenant } from "./wire/name.ts";

const DAY_MS = 86_400_000;
const CHAT_PREFIX = "chat.messages.";
const POOL_PREFIX = "chat.pool.";
const POOL_NUMBER = /^[1-9][0-9]{0,3}$/;
/** Of a shared topic that is made; one that is there keeps its own. */
export const POOL_PARTITIONS = 32;

/** Name and settings of a topic, as every log adapter creates it. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly retentionMs: number;
  /** Undefined: no bound by size. */
  readonly retentionBytes?: number;
  readonly compact?: boolean;
}

/** The topic of a tenant's messages. */
export function chatTopic(
  tenant: string,
  partitions: number,
  retentionMs = 30 * DAY_MS,
): TopicSpec {
  if (!isTenant(tenant)) throw new TypeError(`not a tenant: ${JSON.stringify(tenant)}`);
  return { name: `${CHAT_PREFIX}${tenant}`, partitions, retentionMs };
}

/** The tenant of a chat topic of its own, or undefined for any other topic. */
export function tenantOfTopic(topic: string): string | undefined {
  if (!topic.startsWith(CHAT_PREFIX)) return undefined;
  const tenant = topic.slice(CHAT_PREFIX.length);
  return isTenant(tenant) ? tenant : undefined;
}

/** A topic that tenants share: its keys are `tenant/conversation`. Numbers begin with 1. */
export function poolTopic(
  number: number,
  partitions = POOL_PARTITIONS,
  retentionMs = 30 * DAY_MS,
): TopicSpec {
  const name = `${POOL_PREFIX}${number}`;
  if (!isPoolTopic(name)) throw new TypeError(`not a number of a shared topic: ${number}`);
  return { name, partitions, retentionMs };
}

/** Whether tenants share this topic. */
export function isPoolTopic(topic: string): boolean {
  return topic.startsWith(POOL_PREFIX) && POOL_NUMBER.test(topic.slice(POOL_PREFIX.length));
}

/** The dead-letter topic of a pool, shared by tenants; its keys are `tenant/…`. */
export function deadLetterTopic(pool: string): TopicSpec {
  return { name: `${pool}.dlq`, partitions: 1, retentionMs: 30 * DAY_MS };
}

/** Pools that keep dead letters in a topic of theirs. */
export const DEAD_LETTER_POOLS = ["delivery"] as const;

/**
 * Which dead letters were redriven; the key is the letter. For longer than the letters themselves,
 * and than anyone leaves a parked row alone.
 */
export const REDRIVEN_TOPIC: TopicSpec = {
  name: "dead-letters.redriven",
  partitions: 1,
  retentionMs: 365 * DAY_MS,
};
