import type { Placement } from "../tenants.ts";

/**
 * Which tenants there are and where their conversations live. A placement MUST NOT change once it
 * was given out.
 */
export interface TenantCatalog {
  /** The tenant's placement with its topic made. @throws forbidden for a tenant that is not served */
  place(tenant: string): Promise<Placement>;
  /** Topics of all placements there are. */
  topics(): readonly string[];
  /** Called whenever `topics` has more. @returns ends the watch */
  watch(changed: () => void): () => void;
}
