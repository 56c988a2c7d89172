import type { TopicSpec } from "./topics.ts";

const DAY_MS = 86_400_000;
/** Topics of business events begin so; their types are their names. */
export const BUSINESS_PREFIX = "business.";
const ANALYTICS_PREFIX = "analytics.";
const ANALYTICS_TYPE = /^analytics(?:\.[a-z0-9][a-z0-9_-]*){1,4}$/;
// No underscore: Kafka takes `a.b_c` and `a_b.c` for the same name in its metrics.
const BUSINESS_TYPE = /^business(?:\.[a-z0-9](?:-?[a-z0-9])*){2}$/;
const TYPE_CHARS_MAX = 100;

const ANALYTICS: TopicSpec = {
  name: "analytics.events",
  partitions: 24,
  retentionMs: 90 * DAY_MS,
};
const BUSINESS_PARTITIONS = 8;
const BUSINESS_RETENTION_MS = 30 * DAY_MS;

/**
 * Why a type of event that is not chat's is refused, or undefined: `analytics.` and one to four
 * names, or `business.{domain}.{event-type}`.
 */
export function eventTypeFault(type: string): string | undefined {
  if (type.length > TYPE_CHARS_MAX) return `is longer than ${TYPE_CHARS_MAX} characters`;
  if (type.startsWith(ANALYTICS_PREFIX))
    return ANALYTICS_TYPE.test(type) ? undefined : "is not analytics.{name}, up to four names";
  if (type.startsWith(BUSINESS_PREFIX))
    return BUSINESS_TYPE.test(type) ? undefined : "is not business.{domain}.{event-type}";
  return "begins with neither analytics. nor business.";
}

/** The topic of a type that {@link eventTypeFault} takes; tenants share it. */
export function eventTopic(type: string): TopicSpec {
  if (type.startsWith(ANALYTICS_PREFIX)) return ANALYTICS;
  return { name: type, partitions: BUSINESS_PARTITIONS, retentionMs: BUSINESS_RETENTION_MS };
}
