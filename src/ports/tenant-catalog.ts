import type { Placement, TenantLimits } from "../tenants.ts";

/**
 * Which tenants there are and where their conversations live. A placement MUST NOT change once it
 * was given out. What changes elsewhere MUST be heard within seconds.
 */
export interface TenantCatalog {
  /**
   * The tenant's placement with its topic made.
   * @throws forbidden for a tenant that is not served; store_unavailable when nobody can say
   */
  place(tenant: string): Promise<Placement>;
  /**
   * Where the tenant's records are, served or not; undefined: there never was such a tenant. MUST be
   * as true as the catalog itself: one that this process has not heard of is looked up.
   * @throws store_unavailable
   */
  find(tenant: string): Promise<Placement | undefined>;
  /** Whether the tenant is served, as far as this process has heard. */
  serves(tenant: string): boolean;
  /**
   * Whether the tenant was removed, or is being, as far as this process has heard: its place is known,
   * and nothing new may come there.
   */
  isGone(tenant: string): boolean;
  /** What differs for this tenant from the settings, as far as this process has heard. */
  limits(tenant: string): TenantLimits;
  /** Topics of all placements whose records are to be delivered. */
  topics(): readonly string[];
  /** Called whenever any of this has changed. @returns ends the watch */
  watch(changed: () => void): () => void;
  /** Hears of nothing any more. Idempotent. */
  close(): Promise<void>;
}
