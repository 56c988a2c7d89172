import type { TopicSpec } from "./topics.ts";
import { ANALYTICS_PREFIX } from "./wire/event-type.ts";

const DAY_MS = 86_400_000;

const ANALYTICS: TopicSpec = {
  name: "analytics.events",
  partitions: 24,
  retentionMs: 90 * DAY_MS,
};
const BUSINESS_PARTITIONS = 8;
const BUSINESS_RETENTION_MS = 30 * DAY_MS;

/** The topic of a type that `eventTypeFault` takes; tenants share it. */
export function eventTopic(type: string): TopicSpec {
  if (type.startsWith(ANALYTICS_PREFIX)) return ANALYTICS;
  return { name: type, partitions: BUSINESS_PARTITIONS, retentionMs: BUSINESS_RETENTION_MS };
}
