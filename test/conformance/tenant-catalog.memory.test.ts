import { createMemoryDisk } from "../../src/adapters/memory/event-log-disk.ts";
import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { tenantCatalogConformance } from "./tenant-catalog.ts";

tenantCatalogConformance("memory", async () => {
  const log = createMemoryEventLog({
    clock: createSystemClock(),
    disk: createMemoryDisk(),
    random: createSystemRandom(),
  });
  const open = () =>
    createMemoryTenantCatalog({
      log,
      partitions: 4,
      retentionMs: 60_000,
      retentionBytes: undefined,
    });
  const catalog = await open();
  return {
    catalog,
    reopen: open,
    add: () => Promise.resolve(),
    end: () => catalog.close(),
  };
});
