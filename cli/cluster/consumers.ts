import { startAuditor } from "../../consumers/auditor/auditor.ts";
import { DeadLetters } from "../../consumers/dead-letter.ts";
import { DELIVERY_POOL, deliveryFault, startDeliveryPool } from "../../consumers/delivery/pool.ts";
import { OutboxPublisher } from "../../consumers/outbox/publisher.ts";
import { Retention } from "../../consumers/retention/retention.ts";
import { endsByRange } from "../../consumers/watch/ends-by-range.ts";
import { LagWatch, type WatchedPool } from "../../consumers/watch/lag-watch.ts";
import { LogWatch } from "../../consumers/watch/log-watch.ts";
import { startHealthServer } from "../../src/adapters/bun/health-server.ts";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { redactedCluster, type ClusterConfig } from "../../src/config-cluster.ts";
import { asAppError } from "../../src/errors.ts";
import { Reporter } from "../../src/ops/reporter.ts";
import type { Running } from "../program.ts";
import { Stop } from "../stop.ts";
import { openProcess, type ClusterProcess } from "./process.ts";

interface StartedPool {
  /** What keeps it from its work, once it runs. */
  readonly fault?: () => string | undefined;
  /** Where it stands in the log, of those that read it. */
  readonly watched?: WatchedPool;
  close(): Promise<void>;
}

type StartPool = (parts: ClusterProcess, store: PostgresMessageStore) => Promise<StartedPool>;

/** Every pool that a consumers process can run, by name. */
export const POOLS = {
  async delivery(parts, store) {
    const { config, name: member, telemetry } = parts;
    new DeadLetters(parts.log, DELIVERY_POOL, parts.clock).prepare().catch((error: unknown) => {
      const { code, message } = asAppError(error);
      const fields = { pool: DELIVERY_POOL, code, error: message };
      telemetry.log("warn", "the topic of dead letters could not be made yet", fields);
    });
    const pool = await startDeliveryPool({
      ...parts,
      store,
      member,
      limits: config.limits,
      hashSeed: store.idHashSeed,
    });
    const starting = (): string | undefined =>
      pool.starting() > 0 ? `${pool.starting()} partitions are being taken` : undefined;
    const fault = (): string | undefined => deliveryFault(pool) ?? starting();
    return { fault, watched: pool, close: () => pool.close() };
  },
  async auditor(parts, store) {
    const { config, name: member } = parts;
    const auditor = await startAuditor({ ...parts, store, member, limits: config.limits });
    return { watched: auditor, close: () => auditor.close() };
  },
  outbox(parts) {
    const { name, pool } = parts;
    const { limits } = parts.config;
    // Beyond the connections for it they would only wait for each other.
    const outboxPartitionsMax = Math.min(limits.outboxPartitionsMax, pool.publish);
    const publisher = new OutboxPublisher({
      ...parts,
      limits: { ...limits, outboxPartitionsMax },
      digest: createSystemDigest(),
      source: `outbox/${name}`,
    });
    return Promise.resolve({ close: () => publisher.close() });
  },
  retention(parts, store) {
    const { retentionMs, limits } = parts.config;
    const retention = new Retention({ ...parts, store, retentionMs, limits });
    return Promise.resolve({ close: () => retention.close() });
  },
} as const satisfies Record<string, StartPool>;

export type PoolName = keyof typeof POOLS;

export interface ClusterConsumers extends Running {
  readonly url: string;
  readonly name: string;
}

/**
 * Starts one consumers process with some pools. It answers `/livez`, `/readyz` and `/metrics` at
 * once; each pool works as soon as what it needs is there.
 * @throws an error whose message is for the operator
 */
export async function startConsumers(
  config: ClusterConfig,
  pools: readonly PoolName[],
  write: (line: string) => void,
): Promise<ClusterConsumers> {
  const parts = await openProcess(config, write, { publishes: pools.includes("outbox") });
  const { health, telemetry, metrics, name } = parts;
  const server = startHealthServer({
    port: config.consumersPort,
    host: config.host,
    setting: "TIDEGATE_CONSUMERS_PORT",
    health,
    metrics,
  });
  telemetry.log("info", "started", {
    name,
    pools: pools.join(","),
    url: server.url,
    config: redactedCluster(config),
  });
  for (const pool of pools) health.add(pool, () => "waits for postgres");
  const reporter = new Reporter({
    ...parts,
    board: parts.backplane.snapshots,
    name: `consumers/${name}`,
    kind: "consumers",
    pools,
    read: (wanted) => telemetry.read(wanted),
    limits: config.limits,
  });
  const { limits } = config;
  const source = parts.logEnds ?? endsByRange(parts.log);
  const lag = new LagWatch({ ...parts, source, limits });
  let logWatch: LogWatch | undefined;
  const started: StartedPool[] = [];

  const run = async (): Promise<void> => {
    const store = await parts.openStore();
    if (store === undefined) return;
    // Only now it is known which topics there are.
    logWatch = new LogWatch({ ...parts, cluster: parts.logCluster, limits });
    await Promise.all(
      pools.map(async (pool) => {
        const running: StartedPool | undefined = await parts.until(pool, () =>
          POOLS[pool](parts, store),
        );
        if (running === undefined) return;
        started.push(running);
        if (running.watched !== undefined) lag.watch(pool, running.watched);
        if (running.fault !== undefined) health.add(pool, running.fault);
        telemetry.log("info", "a pool works", { pool });
      }),
    );
  };
  const running = run();
  const failed = new Promise<never>((_, reject) => void running.catch(reject));

  const stop = new Stop(() => [
    ["health", () => health.drain()],
    ["what is still tried", () => parts.stopTrying()],
    ["the pools' start", () => running],
    ["lag", () => lag.close()],
    ["the log's watch", () => logWatch?.close()],
    ["the pools", () => Promise.all(started.map((pool) => pool.close()))],
    ["the health's server", () => server.close()],
    ["snapshots", () => reporter.close()],
    ...parts.ends,
  ]);
  return {
    url: server.url,
    name,
    drainMs: config.limits.drainDeadlineMs,
    failed,
    stop: () => stop.run(),
    stopsAt: () => stop.at,
  };
}
