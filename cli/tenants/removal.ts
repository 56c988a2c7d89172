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
  /** Writes what is about to be deleted to a file; nothing is deleted when it fails. */
  readonly save: (tenant: Tenant, path: string) => Promise<void>;
}

/** Takes a tenant away in an order that a crash between any two steps leaves repeatable. */
export class TenantRemoval {
  readonly #options: TenantRemovalOptions;

  constructor(options: TenantRemovalOptions) {
    this.#options = options;
  }

  /** @param saveTo the file that gets all of the tenant first */
  async remove(name: string, saveTo?: string): Promise<Tenant> {
    const { admin, database, cluster, save } = this.#options;
    if (saveTo !== undefined) {
      // Only suspended: pools go on delivering what was acked, and nothing comes any more.
      const leaving = await admin.setStatus(name, "suspended");
      await this.#heard();
      await save(leaving, saveTo);
    }
    const tenant = await admin.beginRemoval(name);
    // Gateways close its sockets and pools let go of its topic.
    await this.#heard();
    await admin.finishRemoval(name, () => deleteTenantRows(database, cluster, tenant));
    return admin.get(name);
  }

  #heard(): Promise<void> {
    const { clock, heardMs } = this.#options;
    return new Promise((resolve) => void clock.after(heardMs, resolve));
  }
}
