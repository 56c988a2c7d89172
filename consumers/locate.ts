import type { Locate } from "../src/chat/sequencer.ts";
import { AppError } from "../src/errors.ts";
import type { TenantCatalog } from "../src/ports/tenant-catalog.ts";
import { splitSharedKey } from "../src/tenants.ts";
import { isPoolTopic, tenantOfTopic } from "../src/topics.ts";
import { conversationFault, isTenant } from "../src/wire/name.ts";

/**
 * Whose records a topic's keys belong to. A tenant's own topic has the conversation as key, a shared
 * one the tenant before it; whether that tenant lives there is another question, see
 * {@link isPlacedIn}.
 * @throws topic_unknown for a topic that is no tenant's
 */
export function locateIn(topic: string): Locate {
  if (isPoolTopic(topic)) {
    return (key) => {
      const parts = splitSharedKey(key);
      if (parts === undefined || !isTenant(parts.tenant)) return undefined;
      return conversationFault(parts.conversation) === undefined ? parts : undefined;
    };
  }
  const tenant = tenantOfTopic(topic);
  if (tenant === undefined) throw new AppError("topic_unknown", `${topic} is no topic of a tenant`);
  return (key) =>
    conversationFault(key) === undefined ? { tenant, conversation: key } : undefined;
}

/** Asks of a shared topic whether a tenant lives in it; undefined for a tenant's own. */
export function isPlacedIn(
  topic: string,
  catalog: Pick<TenantCatalog, "find">,
): ((tenant: string) => Promise<boolean>) | undefined {
  if (!isPoolTopic(topic)) return undefined;
  return async (tenant) => (await catalog.find(tenant))?.topic === topic;
}
