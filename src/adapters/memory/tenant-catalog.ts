import type { EventLog } from "../../ports/event-log.ts";
import type { TenantCatalog } from "../../ports/tenant-catalog.ts";
import { NO_TENANT_LIMITS, type Placement } from "../../tenants.ts";
import { chatTopic, tenantOfTopic } from "../../topics.ts";

export interface MemoryTenantCatalogOptions {
  readonly log: EventLog;
  /** Of tenants that are not there yet. */
  readonly partitions: number;
  readonly retentionMs: number;
  /** Bytes of each partition; undefined: no bound. */
  readonly retentionBytes: number | undefined;
}

/**
 * The catalog of a single process: a tenant is there once its topic is, and the first token of a
 * tenant makes it.
 */
export async function createMemoryTenantCatalog(
  options: MemoryTenantCatalogOptions,
): Promise<TenantCatalog> {
  const { log, partitions, retentionMs, retentionBytes } = options;
  const placements = new Map<string, Promise<Placement>>();
  const topics: string[] = [];
  const watchers = new Set<() => void>();

  const settle = (topic: string, count: number): Placement => {
    topics.push(topic);
    return { topic, shared: false, partitions: count };
  };
  for (const info of await log.topics()) {
    const tenant = tenantOfTopic(info.name);
    if (tenant !== undefined)
      placements.set(tenant, Promise.resolve(settle(info.name, info.partitions)));
  }

  const make = async (tenant: string): Promise<Placement> => {
    const spec = chatTopic(tenant, partitions, retentionMs);
    const info = await log.createTopic(
      retentionBytes === undefined ? spec : { ...spec, retentionBytes },
    );
    const placement = settle(info.name, info.partitions);
    for (const changed of watchers) changed();
    return placement;
  };

  return {
    place(tenant) {
      let placement = placements.get(tenant);
      if (placement === undefined) {
        placement = make(tenant).catch((error: unknown) => {
          placements.delete(tenant);
          throw error;
        });
        placements.set(tenant, placement);
      }
      return placement;
    },
    find: (tenant) => placements.get(tenant) ?? Promise.resolve(undefined),
    serves: () => true,
    isGone: () => false,
    limits: () => NO_TENANT_LIMITS,
    topics: () => [...topics],
    watch(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    close() {
      watchers.clear();
      return Promise.resolve();
    },
  };
}
