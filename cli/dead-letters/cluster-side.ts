import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { createPostgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { createPostgresTenantCatalog } from "../../src/adapters/postgres/tenant-catalog.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import type { ClusterConfig } from "../../src/config-cluster.ts";
import { DeadLetterDesk } from "../../src/dead-letters/desk.ts";
import type { DeadLetters } from "../../src/ports/dead-letters.ts";
import { openDatabase, openLog, type Basics } from "../cluster/open.ts";
import { CATALOG_POLL_MS } from "../cluster/timing.ts";

/** Dead letters of a cluster by its own services, which works also while no gateway runs. */
export async function openClusterLetters(
  config: ClusterConfig,
  basics: Basics,
): Promise<AsyncDisposable & { readonly letters: DeadLetters }> {
  const { limits } = config;
  const { clock, telemetry } = basics;
  await using stack = new AsyncDisposableStack();
  const database = openDatabase(config, "tidegate/dead-letters", 2);
  stack.defer(() => database.close());
  const log = openLog(config, basics);
  stack.defer(() => log.close());
  await migrate(database);
  const catalog = createPostgresTenantCatalog({
    database,
    clock,
    telemetry,
    pollMs: CATALOG_POLL_MS,
  });
  stack.defer(() => catalog.close());
  await catalog.refresh();
  const letters = new DeadLetterDesk({
    log,
    outbox: createPostgresOutbox({ database, limits }),
    catalog,
    digest: createSystemDigest(),
    clock,
    limits,
    source: "redrive/tool",
  });
  const open = stack.move();
  return { letters, [Symbol.asyncDispose]: () => open.disposeAsync() };
}
