import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openProcess, type ClusterProcess } from "../../cli/cluster/process.ts";
import { startStandalone } from "../../cli/standalone.ts";
import { Stop } from "../../cli/stop.ts";
import { startAuditor } from "../../consumers/auditor/auditor.ts";
import { startDeliveryPool } from "../../consumers/delivery/pool.ts";
import { outboxMetrics } from "../../consumers/outbox/metrics.ts";
import { retentionMetrics } from "../../consumers/retention/metrics.ts";
import { endsByRange } from "../../consumers/watch/ends-by-range.ts";
import { LagWatch } from "../../consumers/watch/lag-watch.ts";
import { LogWatch } from "../../consumers/watch/log-watch.ts";
import { createEdge } from "../../gateway/edge.ts";
import { createMemoryBackplane } from "../../src/adapters/memory/backplane.ts";
import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../src/adapters/memory/message-store.ts";
import { createMemoryOutbox } from "../../src/adapters/memory/outbox.ts";
import { createMemorySharedLimits } from "../../src/adapters/memory/shared-limits.ts";
import { createMemorySnapshotBoard } from "../../src/adapters/memory/snapshot-board.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { StoreTelemetry } from "../../src/adapters/postgres/store-telemetry.ts";
import type { PrometheusTelemetry } from "../../src/adapters/prometheus/telemetry.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { parseClusterConfig } from "../../src/config-cluster.ts";
import { parseConfig } from "../../src/config.ts";
import { DeadLetterDesk } from "../../src/dead-letters/desk.ts";
import { AppError } from "../../src/errors.ts";
import { Reporter } from "../../src/ops/reporter.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

type Metric = ReturnType<PrometheusTelemetry["metrics"]>[number];

const PROCESSES = ["standalone", "gateway", "consumers"] as const;
type ProcessName = (typeof PROCESSES)[number];

/** So that the metrics of traces are there; no message is sent, so no span either. */
const TRACES = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };

/** Asks running processes, since a metric is there when its component is. */
export const metricsDocument: Document = {
  path: "metrics.md",
  async render() {
    const metrics = new Map<string, Metric>();
    const homes = new Map<string, ProcessName[]>();
    for (const [process, found] of Object.entries(await metricsOfAll())) {
      for (const metric of found) {
        metrics.set(metric.name, metric);
        homes.set(metric.name, [...(homes.get(metric.name) ?? []), process as ProcessName]);
      }
    }
    return tablePage({
      title: "Metrics",
      source: "processes at rest",
      intro:
        "What `/metrics` has, and which processes have it. Times are in seconds, sizes in bytes; totals only rise. `/metrics/tenants` has some numbers for the busiest tenants of a gateway, for the admin key. What is watched, and from which value on: `docs/runbook.md`.",
      columns: ["metric", "type", "where", "what it says"],
      rows: [...metrics.values()]
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, type, help }) => [code(name), type, whereOf(homes.get(name) ?? []), help]),
    });
  },
};

function whereOf(homes: readonly ProcessName[]): string {
  return homes.length === PROCESSES.length ? "all" : homes.join(", ");
}

/** Every metric of each kind of process. Nothing outside this process is needed. */
async function metricsOfAll(): Promise<Record<ProcessName, readonly Metric[]>> {
  const folder = mkdtempSync(join(tmpdir(), "tidegate-docs-"));
  try {
    return {
      standalone: await standaloneMetrics(folder),
      gateway: await clusterMetrics(folder, openGateway),
      consumers: await clusterMetrics(folder, openConsumers),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function standaloneMetrics(folder: string): Promise<readonly Metric[]> {
  const running = await startStandalone(
    parseConfig({ PORT: "0", TIDEGATE_DATA: folder, ...TRACES }),
    () => undefined,
  );
  const metrics = running.telemetry.metrics();
  await running.stop();
  return metrics;
}

/** Parts of a cluster's process on adapters that need no service, beside those that will find none. */
async function clusterMetrics(
  folder: string,
  open: (parts: ClusterProcess) => Promise<() => Promise<void>>,
): Promise<readonly Metric[]> {
  const config = parseClusterConfig(
    {
      NODE_ENV: "development",
      TIDEGATE_DATA: folder,
      KAFKA_BROKERS: "127.0.0.1:1",
      REDIS_URL: "redis://127.0.0.1:1",
      DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing",
      ...TRACES,
    },
    "gateway",
  );
  const parts = await openProcess(config, () => undefined, { publishes: true });
  const store = new StoreTelemetry(parts.telemetry);
  store.watchPool("write", parts.database);
  store.watchConversations({ size: 0 });
  const close = await open(parts);
  const metrics = parts.telemetry.metrics();
  await close();
  await new Stop(() => parts.ends).run();
  return metrics;
}

async function openMemory({ clock, random }: ClusterProcess) {
  const log = createMemoryEventLog({ clock, random, durability: "log" });
  const topics = { partitions: 1, retentionMs: 1, retentionBytes: undefined };
  const catalog = await createMemoryTenantCatalog({ log, ...topics });
  return { log, catalog, store: new MemoryMessageStore(), backplane: createMemoryBackplane() };
}

function openReporter(parts: ClusterProcess, kind: "gateway" | "consumers") {
  const { limits } = parts.config;
  const board = createMemorySnapshotBoard({ ...parts, limits });
  const read = (wanted: (name: string) => boolean) => parts.telemetry.read(wanted);
  const reporter = new Reporter({ ...parts, board, limits, name: "docs", kind, pools: [], read });
  return { board, reporter };
}

async function openGateway(parts: ClusterProcess): Promise<() => Promise<void>> {
  const { clock, config } = parts;
  const memory = await openMemory(parts);
  const refuse = (): Promise<never> => Promise.reject(new AppError("closed"));
  const { limits } = config;
  const digest = createSystemDigest();
  const { board, reporter } = openReporter(parts, "gateway");
  const { gateway } = createEdge({
    ...parts,
    ...memory,
    board,
    reporter,
    deadLetters: new DeadLetterDesk({ ...memory, digest, clock, limits, source: "docs" }),
    outbox: createMemoryOutbox({ clock, limits }),
    sharedLimits: createMemorySharedLimits(),
    authenticator: { authenticate: refuse },
    digest,
    limits,
    mintToken: undefined,
    pages: () => undefined,
    tenantMetrics: refuse,
    isAdmin: undefined,
  });
  return async () => {
    await reporter.close();
    await gateway.drain();
    await memory.log.close();
  };
}

async function openConsumers(parts: ClusterProcess): Promise<() => Promise<void>> {
  const { clock, telemetry, logCluster: cluster, name: member } = parts;
  const { limits } = parts.config;
  const memory = await openMemory(parts);
  const shared = { ...parts, ...memory, limits, member };
  const lag = new LagWatch({ ...shared, source: endsByRange(memory.log) });
  const logWatch = new LogWatch({ ...shared, cluster });
  const pool = await startDeliveryPool(shared);
  const auditor = await startAuditor(shared);
  const { reporter } = openReporter(parts, "consumers");
  const nothing = { rows: 0, chars: 0, messages: 0, parked: 0, oldestMs: 0 };
  outboxMetrics(
    telemetry,
    () => nothing,
    () => 0,
  );
  retentionMetrics(telemetry, clock);
  return async () => {
    await reporter.close();
    lag.close();
    logWatch.close();
    await auditor.close();
    await pool.close();
    await memory.log.close();
  };
}
