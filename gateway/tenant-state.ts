import type { Rate, TokenBucket } from "../src/policy/token-bucket.ts";
import type { Placement } from "../src/tenants.ts";

/** What this gateway keeps of a tenant while it has connections of it. */
export interface TenantState {
  readonly name: string;
  readonly placement: Placement;
  /** Follows the catalog. */
  rate: Rate;
  readonly bucket: TokenBucket;
  /** Sockets that have authenticated. */
  connections: number;
}
