import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startAuditor } from "../consumers/auditor/auditor.ts";
import { DELIVERY_POOL, deliveryFault, startDeliveryPool } from "../consumers/delivery/pool.ts";
import { endsByRange } from "../consumers/watch/ends-by-range.ts";
import { LagWatch } from "../consumers/watch/lag-watch.ts";
import { LogWatch } from "../consumers/watch/log-watch.ts";
import { SUBPROTOCOL } from "../gateway/app.ts";
import { createEdge } from "../gateway/edge.ts";
import { createPages } from "../gateway/web/pages.ts";
import { startServer } from "../src/adapters/bun/server.ts";
import { createJwtAuthenticator } from "../src/adapters/jwt/authenticator.ts";
import { createTokenIssuer } from "../src/adapters/jwt/issue.ts";
import { createMemoryBackplane } from "../src/adapters/memory/backplane.ts";
import { createMemorySharedLimits } from "../src/adapters/memory/shared-limits.ts";
import { createMemorySnapshotBoard } from "../src/adapters/memory/snapshot-board.ts";
import { createMemoryTenantCatalog } from "../src/adapters/memory/tenant-catalog.ts";
import {
  createPrometheusTelemetry,
  type PrometheusTelemetry,
} from "../src/adapters/prometheus/telemetry.ts";
import { renderTenants } from "../src/adapters/prometheus/tenants.ts";
import {
  openSqliteEventLog,
  type SqliteEventLogOptions,
} from "../src/adapters/sqlite/event-log.ts";
import { openSqliteMessageStore } from "../src/adapters/sqlite/message-store.ts";
import { adminKeyCheck, makeAdminKey } from "../src/adapters/system/admin-key.ts";
import { createSystemClock } from "../src/adapters/system/clock.ts";
import { createSystemDigest } from "../src/adapters/system/digest.ts";
import { watchDisk } from "../src/adapters/system/disk.ts";
import { loadKeys } from "../src/adapters/system/keys.ts";
import { createSystemRandom } from "../src/adapters/system/random.ts";
import type { Config } from "../src/config.ts";
import { DeadLetterDesk } from "../src/dead-letters/desk.ts";
import { Health } from "../src/health.ts";
import { Reporter } from "../src/ops/reporter.ts";
import { CAPABILITIES } from "../src/policy/capability.ts";
import { Stop } from "./stop.ts";
import { openTracing } from "./tracing.ts";

export interface Standalone {
  readonly url: string;
  readonly port: number;
  readonly telemetry: PrometheusTelemetry;
  /** Whether tokens are made with the development key. */
  readonly development: boolean;
  /** Makes a token for the demo tenant; only with the development key. */
  readonly issueToken: ((user: string, lifetimeMs: number) => Promise<string>) | undefined;
  /** The ops page with the key that this run made for it; undefined where the operator set one. */
  readonly opsUrl: string | undefined;
  /** Drains: refuses what is new, settles what is in flight, stores, and lets go. */
  stop(): Promise<void>;
  /** The part that is being ended. */
  stopsAt(): string | undefined;
}

const DEMO_TENANT = "demo";
const DEMO_CAPABILITIES = { "*": CAPABILITIES } as const;

/**
 * Starts gateway and pools in this process on the embedded adapters.
 * @param write takes one line of the structured log, with its line break
 * @param forTests what a test needs to prove that it would see a missing flush; no setting reaches it
 * @throws an error whose message is for the operator: a busy port, a folder that cannot be written
 */
export async function startStandalone(
  config: Config,
  write: (line: string) => void,
  forTests: Pick<SqliteEventLogOptions, "synchronousForTests"> = {},
): Promise<Standalone> {
  const { limits } = config;
  const clock = createSystemClock();
  const random = createSystemRandom();
  const telemetry = createPrometheusTelemetry({ clock, limits, level: config.logLevel, write });
  const tracing = await openTracing(config, "standalone", { clock, telemetry });
  mkdirSync(config.dataDir, { recursive: true });
  watchDisk(telemetry, config.dataDir);
  const { keys, devKey } = loadKeys(config);
  const { issuer, audience } = config.jwt;
  const authenticator = await createJwtAuthenticator({ keys, issuer, audience, clock, limits });
  const issue = devKey && (await createTokenIssuer({ key: devKey, issuer, audience, clock }));

  const log = await openSqliteEventLog({
    folder: join(config.dataDir, "log"),
    clock,
    random,
    telemetry,
    limits,
    pacedBy: DELIVERY_POOL,
    ...forTests,
  });
  const store = await openSqliteMessageStore({
    folder: join(config.dataDir, "store"),
    limits,
    telemetry,
  });
  const backplane = createMemoryBackplane();
  const catalog = await createMemoryTenantCatalog({
    log,
    partitions: config.partitions,
    retentionMs: config.retentionMs,
    retentionBytes: config.retentionBytes,
  });
  const pool = await startDeliveryPool({
    member: "standalone",
    hashSeed: Math.floor(random.next() * 2 ** 32),
    tracing,
    log,
    store,
    backplane,
    catalog,
    clock,
    random,
    limits,
    telemetry,
  });
  const auditor = await startAuditor({
    member: "standalone",
    log,
    store,
    catalog,
    clock,
    limits,
    telemetry,
  });
  const lag = new LagWatch({ source: endsByRange(log), clock, limits, telemetry });
  lag.watch("delivery", pool);
  lag.watch("auditor", auditor);
  const logWatch = new LogWatch({ log, cluster: undefined, catalog, clock, limits, telemetry });
  const health = new Health();
  const digest = createSystemDigest();
  const madeKey =
    config.adminKey === undefined && devKey !== undefined ? makeAdminKey() : undefined;
  const adminKey = config.adminKey ?? madeKey;
  const board = createMemorySnapshotBoard({ clock, limits });
  const reporter = new Reporter({
    board,
    name: "standalone",
    kind: "standalone",
    pools: ["delivery", "auditor"],
    read: (wanted) => telemetry.read(wanted),
    health,
    clock,
    limits,
    telemetry,
  });
  const { gateway, app } = createEdge({
    board,
    reporter,
    deadLetters: new DeadLetterDesk({
      log,
      catalog,
      digest,
      clock,
      limits,
      source: "redrive/standalone",
    }),
    log,
    store,
    backplane,
    catalog,
    sharedLimits: createMemorySharedLimits(),
    authenticator,
    clock,
    random,
    digest,
    limits,
    telemetry,
    name: "gateway/standalone",
    tracing,
    health,
    config,
    metrics: async () => ({ contentType: telemetry.contentType, text: await telemetry.scrape() }),
    tenantMetrics: (tenants) => renderTenants(tenants, limits.tenantSeriesMax),
    isAdmin: adminKey === undefined ? undefined : adminKeyCheck(adminKey),
    eventPartitionsMax: config.partitions,
    mintToken: issue,
    pages: await createPages({ ops: adminKey !== undefined }),
  });
  health.add("delivery", () => deliveryFault(pool));
  health.add("log", () =>
    gateway.appendStalled() ? "appends have had no outcome for too long" : undefined,
  );
  const server = startServer({
    port: config.port,
    host: config.host,
    sockets: app.sockets,
    frameBytesMax: limits.frameBytesMax,
    socketBytesMax: limits.outboundSocketBytesMax,
    subprotocol: SUBPROTOCOL,
    fetch: (request, upgrade) => app.fetch(request, upgrade),
  });
  const stop = new Stop(() => [
    ["health", () => health.drain()],
    // Until then whoever asks is told to go elsewhere, which a closed port could not say.
    ["the gateway", () => gateway.drain()],
    ["the server", () => server.close(limits.drainDeadlineMs / 8)],
    ["lag", () => lag.close()],
    ["the log's watch", () => logWatch.close()],
    ["snapshots", () => reporter.close()],
    ["the auditor", () => auditor.close()],
    ["delivery", () => pool.close()],
    ["the backplane", () => backplane.close()],
    ["the store", () => store.close()],
    ["the log", () => log.close()],
    ["traces", () => tracing?.tracer.close()],
    ["telemetry", () => telemetry.close()],
  ]);
  return {
    url: server.url,
    port: server.port,
    telemetry,
    development: devKey !== undefined,
    opsUrl: madeKey && `${server.url}/ops#key=${madeKey}`,
    issueToken:
      issue &&
      ((user, lifetimeMs) =>
        issue({ tenant: DEMO_TENANT, user, capabilities: DEMO_CAPABILITIES, lifetimeMs })),
    stop: () => stop.run(),
    stopsAt: () => stop.at,
  };
}
