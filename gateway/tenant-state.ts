import type { Rate } from "../src/policy/token-bucket.ts";
import type { SharedBudget } from "../src/ports/shared-limits.ts";
import type { Placement } from "../src/tenants.ts";
import type { TenantTally } from "./tenant-tally.ts";

/** What this gateway keeps of a tenant while it has connections of it. */
export interface TenantState {
  readonly name: string;
  readonly placement: Placement;
  /** Follows the catalog. */
  rate: Rate;
  /** Messages, over all gateways. */
  readonly sends: SharedBudget;
  readonly tally: TenantTally;
  /** Sockets that have authenticated. */
  connections: number;
}
