import { existsSync } from "node:fs";
import { join } from "node:path";
import { startDeliveryPool } from "../../consumers/delivery/pool.ts";
import { createMemoryBackplane } from "../../src/adapters/memory/backplane.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { openSqliteMessageStore } from "../../src/adapters/sqlite/message-store.ts";
import type { Config } from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { MovableStore } from "../../src/ports/message-import.ts";
import { chatTopic, tenantOfTopic } from "../../src/topics.ts";
import type { Basics } from "../cluster/open.ts";
import { untilStored, type LeavingTenant, type TransferSide } from "./side.ts";

const IDLE_MS = 10_000;

/**
 * The folder of a standalone Tidegate that is stopped; its lock keeps both from running at once.
 * @param leaves whether tenants leave it: then it has to be there
 * @throws log_unavailable while the program runs; not_found
 */
export async function openStandaloneSide(
  config: Config,
  basics: Basics,
  leaves: boolean,
): Promise<TransferSide> {
  const { dataDir, limits, partitions, retentionMs, retentionBytes } = config;
  if (leaves && !existsSync(join(dataDir, "store", "store.sqlite")))
    throw new AppError("not_found", `there is no Tidegate in ${dataDir}: set TIDEGATE_DATA`);
  const log = await openSqliteEventLog({ folder: join(dataDir, "log"), limits, ...basics });
  const store = await openStore(log, config, basics);
  const describe = (tenant: string) => log.describeTopic(chatTopic(tenant, partitions).name);
  let settled: Promise<void> | undefined;
  return {
    name: "standalone",
    store,
    async tenants() {
      const topics = await log.topics();
      return topics.flatMap(({ name: topic, partitions: count }): LeavingTenant[] => {
        const name = tenantOfTopic(topic);
        if (name === undefined) return [];
        const placement = { topic, shared: false, partitions: count };
        return [{ name, plan: undefined, limits: undefined, placement, isLive: false }];
      });
    },
    settle: () => (settled ??= deliverAll(log, store, config, basics)),
    async prepare({ name }) {
      const there = await describe(name);
      for (let partition = 0; partition < (there?.partitions ?? 0); partition++) {
        const { end } = await log.range((there as { name: string }).name, partition);
        if (end > 0) throw new AppError("invalid_command", `${name} has messages already`);
      }
      const spec = chatTopic(name, partitions, retentionMs);
      const bounded = retentionBytes === undefined ? spec : { ...spec, retentionBytes };
      const topic = there ?? (await log.createTopic(bounded));
      return { topic: topic.name, shared: false, partitions: topic.partitions };
    },
    // A tenant with a topic is served.
    serve: () => Promise.resolve(),
    async [Symbol.asyncDispose]() {
      await store.close();
      await log.close();
    },
  };
}

async function openStore(log: EventLog, { dataDir, limits }: Config, { telemetry }: Basics) {
  try {
    return await openSqliteMessageStore({ folder: join(dataDir, "store"), limits, telemetry });
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** Runs the delivery to the end of the log: a program that was killed left records without a place. */
async function deliverAll(
  log: EventLog,
  store: MovableStore,
  { limits, partitions, retentionMs, retentionBytes }: Config,
  basics: Basics,
): Promise<void> {
  const catalog = await createMemoryTenantCatalog({ log, partitions, retentionMs, retentionBytes });
  const backplane = createMemoryBackplane();
  const pool = await startDeliveryPool({
    member: "standalone",
    log,
    store,
    backplane,
    catalog,
    limits,
    ...basics,
  });
  try {
    for (const { name: topic, partitions: count } of await log.topics())
      if (tenantOfTopic(topic) !== undefined)
        await untilStored(log, store, { topic, partitions: count }, basics.clock, IDLE_MS);
  } finally {
    await pool.close();
    await backplane.close();
  }
}
