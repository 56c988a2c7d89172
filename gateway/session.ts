import type { Grants } from "../src/policy/capability.ts";
import type { Identity } from "../src/ports/authenticator.ts";
import type { TenantState } from "./tenant-state.ts";

/** Who a connection is once it has authenticated. */
export interface Session {
  readonly identity: Identity;
  readonly grants: Grants;
  readonly tenant: TenantState;
}
