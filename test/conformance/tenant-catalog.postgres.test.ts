import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { PostgresTenantAdmin } from "../../src/adapters/postgres/tenant-admin.ts";
import { createPostgresTenantCatalog } from "../../src/adapters/postgres/tenant-catalog.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { PlanName } from "../../src/plans.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { NO_TENANT_LIMITS } from "../../src/tenants.ts";
import { createTestDatabase } from "../support/cluster/test-database.ts";
import { tenantCatalogConformance } from "./tenant-catalog.ts";

for (const [name, plan] of [
  ["postgres, own topics", "standard"],
  ["postgres, shared topics", "shared"],
] as const satisfies readonly (readonly [string, PlanName])[]) {
  tenantCatalogConformance(name, async () => {
    const clock = createSystemClock();
    const log = createMemoryEventLog({ clock, random: createSystemRandom() });
    const test = await createTestDatabase();
    const admin = new PostgresTenantAdmin({
      database: test.database,
      log,
      retentionMs: 60_000,
      retentionBytes: undefined,
    });
    const catalogs: TenantCatalog[] = [];
    const open = () => {
      const catalog = createPostgresTenantCatalog({
        database: test.open(),
        clock,
        telemetry: createMemoryTelemetry(),
        pollMs: 60_000,
      });
      catalogs.push(catalog);
      return catalog;
    };
    return {
      catalog: open(),
      reopen: () => Promise.resolve(open()),
      async add(tenant) {
        await admin.add({ name: tenant, plan, limits: NO_TENANT_LIMITS });
      },
      async end() {
        await Promise.all(catalogs.map((catalog) => catalog.close()));
        await test[Symbol.asyncDispose]();
        await log.close();
      },
    };
  });
}
