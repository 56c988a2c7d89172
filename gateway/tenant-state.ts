import type { Placement } from "../src/tenants.ts";
import type { Bucket } from "./bucket.ts";

/** What this gateway keeps of a tenant while it has connections of it. */
export interface TenantState {
  readonly name: string;
  readonly placement: Placement;
  readonly bucket: Bucket;
}
