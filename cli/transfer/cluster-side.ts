import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { createPostgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { PostgresTenantAdmin } from "../../src/adapters/postgres/tenant-admin.ts";
import type { ClusterConfig } from "../../src/config-cluster.ts";
import { AppError } from "../../src/errors.ts";
import { DEFAULT_PLAN } from "../../src/plans.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { Outbox } from "../../src/ports/outbox.ts";
import type { Placement } from "../../src/tenants.ts";
import { openDatabase, openLog, openStore, type Basics } from "../cluster/open.ts";
import { untilNone, untilStored, type ComingTenant, type TransferSide } from "./side.ts";

/** Without progress of the pools, which may have to begin anew. */
const IDLE_MS = 30_000;
const ONE_EACH = { write: 1, read: 1 };

/** A cluster, which may run. @throws ConfigError, store_unavailable, schema_mismatch */
export async function openClusterSide(
  config: ClusterConfig,
  basics: Basics,
): Promise<TransferSide> {
  const { limits, retentionMs, retentionBytes } = config;
  const { clock, telemetry } = basics;
  const applicationName = "tidegate/transfer";
  await using stack = new AsyncDisposableStack();
  const database = openDatabase(config, applicationName, 2);
  stack.defer(() => database.close());
  const log = openLog(config, basics);
  stack.defer(() => log.close());
  await migrate(database);
  const store = await openStore(config, applicationName, ONE_EACH, telemetry);
  stack.defer(() => store.close());
  const admin = new PostgresTenantAdmin({ database, log, retentionMs, retentionBytes });
  const outbox = createPostgresOutbox({ database, limits });
  const open = stack.move();
  return {
    name: "cluster",
    store,
    async tenants() {
      const all = await admin.list();
      return all
        .filter(({ status }) => status === "active" || status === "suspended")
        .map(({ name, plan, limits: own, placement, status }) => ({
          name,
          plan,
          limits: own,
          placement,
          isLive: status === "active",
        }));
    },
    async settle(placement) {
      await untilPublished(outbox, placement.topic, clock);
      await untilStored(log, store, placement, clock, IDLE_MS);
    },
    prepare: (tenant) => prepare(admin, log, tenant),
    async serve(name) {
      await admin.setStatus(name, "active");
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Adds the tenant suspended, or takes the one that an import left that came to no end. */
async function prepare(
  admin: PostgresTenantAdmin,
  log: EventLog,
  { name, plan, planBefore, partitions, limits }: ComingTenant,
): Promise<Placement> {
  const there = await admin.find(name);
  if (there?.status === "active")
    throw new AppError(
      "invalid_command",
      `there is a tenant ${name} that is served: if it has no messages, suspend it first`,
    );
  if (there !== undefined) await mustHaveNoRecords(log, name, there.placement);
  const takesIt = there?.status === "suspended" && plan === undefined && partitions === undefined;
  if (takesIt) return there.placement;
  const { tenant } = await admin.add({
    name,
    plan: plan ?? planBefore ?? DEFAULT_PLAN,
    status: "suspended",
    ...(partitions === undefined ? {} : { partitions }),
    ...(limits === undefined ? {} : { limits }),
  });
  return tenant.placement;
}

/** Of a topic that tenants share, the store knows what is whose. */
async function mustHaveNoRecords(
  log: EventLog,
  name: string,
  { topic, shared, partitions }: Placement,
): Promise<void> {
  if (shared || (await log.describeTopic(topic)) === undefined) return;
  for (let partition = 0; partition < partitions; partition++)
    if ((await log.range(topic, partition)).end > 0)
      throw new AppError("invalid_command", `${name} has messages already`);
}

/** Waits for the rows that stand before the log. */
function untilPublished(outbox: Outbox, topic: string, clock: Clock): Promise<void> {
  return untilNone(
    clock,
    IDLE_MS,
    async () => {
      const pending = (await outbox.pending()).filter((one) => one.topic === topic);
      return pending.reduce((sum, one) => sum + one.rows, 0);
    },
    `records of ${topic} are in the outbox, and nobody publishes them: start the outbox pool`,
  );
}
