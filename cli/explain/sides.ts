import { existsSync } from "node:fs";
import { join } from "node:path";
import { searchOutbox } from "../../src/adapters/postgres/outbox-search.ts";
import { readTenants } from "../../src/adapters/postgres/tenant-rows.ts";
import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { openSqliteMessageStore } from "../../src/adapters/sqlite/message-store.ts";
import type { ClusterConfig } from "../../src/config-cluster.ts";
import type { Config } from "../../src/config.ts";
import { AppError, asAppError } from "../../src/errors.ts";
import { tenantOfTopic } from "../../src/topics.ts";
import { openDatabase, openLog, openStore, type Basics } from "../cluster/open.ts";
import type { Evidence } from "./evidence.ts";

const CONNECTIONS = { write: 1, read: 4 };

/**
 * The folder of a standalone Tidegate that is stopped.
 * @throws not_found when there is none; log_unavailable while its program runs
 */
export async function openStandaloneEvidence(config: Config, basics: Basics): Promise<Evidence> {
  const { dataDir, limits } = config;
  if (!existsSync(join(dataDir, "store", "store.sqlite")))
    throw new AppError("not_found", `there is no Tidegate in ${dataDir}: set TIDEGATE_DATA`);
  const log = await openSqliteEventLog({ folder: join(dataDir, "log"), limits, ...basics }).catch(
    (cause: unknown) => {
      const { code, message } = asAppError(cause);
      throw new AppError(code, `${message}. Stop the program that uses it`, { cause });
    },
  );
  await using stack = new AsyncDisposableStack();
  stack.defer(() => log.close());
  const store = await openSqliteMessageStore({ folder: join(dataDir, "store"), limits, ...basics });
  stack.defer(() => store.close());
  const open = stack.move();
  return {
    name: "standalone",
    log,
    store,
    async tenants() {
      return (await log.topics()).flatMap(({ name: topic, partitions }) => {
        const name = tenantOfTopic(topic);
        if (name === undefined) return [];
        return [{ name, placement: { topic, shared: false, partitions }, status: undefined }];
      });
    },
    outbox: () => Promise.resolve([]),
    keptMs: undefined,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** A cluster, which may run. @throws ConfigError, store_unavailable, schema_mismatch */
export async function openClusterEvidence(
  config: ClusterConfig,
  basics: Basics,
): Promise<Evidence> {
  const applicationName = "tidegate/explain";
  await using stack = new AsyncDisposableStack();
  const database = openDatabase(config, applicationName, 1);
  stack.defer(() => database.close());
  const log = openLog(config, basics);
  stack.defer(() => log.close());
  const store = await openStore(config, applicationName, CONNECTIONS, basics.telemetry);
  stack.defer(() => store.close());
  const open = stack.move();
  return {
    name: "cluster",
    log,
    store,
    async tenants() {
      const tenants = await database.use(readTenants);
      return tenants.filter(({ status }) => status !== "removed");
    },
    outbox: (id) => searchOutbox(database, id),
    keptMs: config.retentionMs,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}
