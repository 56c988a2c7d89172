export const ANALYTICS_PREFIX = "analytics.";
export const BUSINESS_PREFIX = "business.";
const ANALYTICS_TYPE = /^analytics(?:\.[a-z0-9][a-z0-9_-]*){1,4}$/;
// Also the topic's name. No underscore: in its metrics Kafka takes `a.b_c` and `a_b.c` for the same.
const BUSINESS_TYPE = /^business(?:\.[a-z0-9](?:-?[a-z0-9])*){2}$/;
const TYPE_CHARS_MAX = 100;

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
