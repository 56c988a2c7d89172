import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresTenantAdmin } from "../../src/adapters/postgres/tenant-admin.ts";
import { deleteTenantRows } from "../../src/adapters/postgres/tenant-delete.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Tenant } from "../../src/tenants.ts";

export interface TenantRemovalOptions {
  readonly admin: PostgresTenantAdmin;
  readonly database: PostgresDatabase;
  readonly clock: Clock;
  /** Of the settings: whose offsets. */
  readonly cluster: string;
  /** Time in which every process has heard of a change, in ms. */
  readonly heardMs: number;
  /** Keeps what is about to be deleted; nothing is deleted when it fails. */
  readonly save?: (tenant: Tenant) => Promise<void>;
}

/** Takes a tenant away in an order that a crash between any two steps leaves repeatable. */
export class TenantRemoval {
  readonly #options: TenantRemovalOptions;

  constructor(options: TenantRemovalOptions) {
    this.#options = options;
  }

  async remove(name: string): Promise<Tenant> {
    const { admin, database, clock, cluster, heardMs, save } = this.#options;
    const tenant = await admin.beginRemoval(name);
    // Gateways close its sockets and pools let go of its topic.
    await new Promise<void>((resolve) => void clock.after(heardMs, resolve));
    await save?.(tenant);
    await admin.finishRemoval(name, () => deleteTenantRows(database, cluster, tenant));
    return admin.get(name);
  }
}
