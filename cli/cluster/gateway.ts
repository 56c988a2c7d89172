import { SUBPROTOCOL, type App } from "../../gateway/app.ts";
import { createEdge, type Edge } from "../../gateway/edge.ts";
import { problemOf } from "../../gateway/http/problem.ts";
import { createPages } from "../../gateway/web/pages.ts";
import {
  answerHealth,
  startHealthServer,
  type HealthServer,
  type HealthSource,
} from "../../src/adapters/bun/health-server.ts";
import { startServer } from "../../src/adapters/bun/server.ts";
import { createJwtAuthenticator } from "../../src/adapters/jwt/authenticator.ts";
import { createTokenIssuer } from "../../src/adapters/jwt/issue.ts";
import { PostgresTenantAdmin } from "../../src/adapters/postgres/tenant-admin.ts";
import { renderTenants } from "../../src/adapters/prometheus/tenants.ts";
import { adminKeyCheck } from "../../src/adapters/system/admin-key.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { loadKeys } from "../../src/adapters/system/keys.ts";
import { redactedCluster, type ClusterConfig } from "../../src/config-cluster.ts";
import { DeadLetterDesk } from "../../src/dead-letters/desk.ts";
import { AppError } from "../../src/errors.ts";
import { Health } from "../../src/health.ts";
import { Reporter } from "../../src/ops/reporter.ts";
import type { Running } from "../program.ts";
import { Stop } from "../stop.ts";
import { openProcess, type ClusterProcess } from "./process.ts";

export interface ClusterGateway extends Running {
  readonly url: string;
  readonly name: string;
}

/** The tenant of the demo page's tokens. */
const DEMO_TENANT = "demo";
/**
 * Without these a gateway that has started still takes sends and serves what it can; they are away
 * for all gateways at once, so that a load balancer would have none left.
 */
const NEEDED_AT_FIRST = ["postgres", "redis"];
/** Between two looks whether all of it was there, whoever else asks for it. */
const HEALTH_LOOK_MS = 1_000;

/**
 * Starts one gateway of a cluster. It answers `/livez` and `/readyz` at once, and clients as soon as
 * Postgres is there; several share a port.
 * @throws an error whose message is for the operator
 */
export async function startGateway(
  config: ClusterConfig,
  write: (line: string) => void,
): Promise<ClusterGateway> {
  const { limits } = config;
  const { keys, devKey } = loadKeys(config);
  const parts = await openProcess(config, write, { health: new Health(NEEDED_AT_FIRST) });
  const { clock, health, telemetry, metrics, name } = parts;
  const { issuer, audience } = config.jwt;
  const authenticator = await createJwtAuthenticator({ keys, issuer, audience, clock, limits });
  const mintToken = devKey && (await createTokenIssuer({ key: devKey, issuer, audience, clock }));
  const pages = await createPages({ ops: config.adminKey !== undefined });
  const board = parts.backplane.snapshots;
  const reporter = new Reporter({
    ...parts,
    board,
    name: `gateway/${name}`,
    kind: "gateway",
    pools: [],
    read: (wanted) => telemetry.read(wanted),
    limits,
  });
  let edge: Edge | undefined;
  // No socket is opened before there is an app to open it.
  const app = (): App => (edge as Edge).app;
  const server = startServer({
    port: config.port,
    host: config.host,
    reusePort: true,
    sockets: {
      open: (socket) => app().sockets.open(socket),
      text: (connection, text) => app().sockets.text(connection, text),
      binary: (connection) => app().sockets.binary(connection),
      drain: (connection) => app().sockets.drain(connection),
      closed: (connection) => app().sockets.closed(connection),
    },
    frameBytesMax: limits.frameBytesMax,
    socketBytesMax: limits.outboundSocketBytesMax,
    subprotocol: SUBPROTOCOL,
    fetch: (request, upgrade) =>
      edge === undefined
        ? (answerHealth({ health, metrics }, request) ?? answerEarly())
        : edge.app.fetch(request, upgrade),
  });
  const own = openOwnHealth(config, { health, metrics });
  const looks = clock.every(HEALTH_LOOK_MS, () => void health.ready());
  telemetry.log("info", "started", {
    name,
    url: server.url,
    health: own?.url,
    config: redactedCluster(config),
  });

  const open = async (): Promise<void> => {
    const store = await parts.openStore();
    if (store === undefined) return;
    const digest = createSystemDigest();
    const made = createEdge({
      ...parts,
      board,
      reporter,
      deadLetters: new DeadLetterDesk({ ...parts, digest, limits, source: `redrive/${name}` }),
      store,
      sharedLimits: parts.backplane.sharedLimits,
      limits,
      authenticator,
      digest,
      name: `gateway/${name}`,
      eventStore: config.eventStore,
      config,
      tenantMetrics: (tenants) => renderTenants(tenants, limits.tenantSeriesMax),
      isAdmin: config.adminKey === undefined ? undefined : adminKeyCheck(config.adminKey),
      mintToken,
      pages,
    });
    if (config.healthIncludesKafka)
      health.add("log", () =>
        made.gateway.appendStalled() ? "appends have had no outcome for too long" : undefined,
      );
    edge = made;
    if (devKey !== undefined) await parts.until("demo", () => addDemoTenant(parts));
  };
  const failed = new Promise<never>((_, reject) => void open().catch(reject));

  const stop = new Stop(() => [
    ["health", () => (health.drain(), looks.cancel())],
    ["what is still tried", () => parts.stopTrying()],
    // Others that share the port take those who come now.
    ["the port", () => server.stopListening()],
    ["the gateway", () => edge?.gateway.drain()],
    ["the server", () => server.close(limits.drainDeadlineMs / 8)],
    ["the health's server", () => own?.close()],
    ["snapshots", () => reporter.close()],
    ...parts.ends,
  ]);
  return {
    url: server.url,
    name,
    drainMs: limits.drainDeadlineMs,
    failed,
    stop: () => stop.run(),
    stopsAt: () => stop.at,
  };
}

/** The port that several gateways share answers for any of them. */
function openOwnHealth(config: ClusterConfig, source: HealthSource): HealthServer | undefined {
  const { healthPort: port, host } = config;
  if (port === undefined) return undefined;
  return startHealthServer({ ...source, port, host, setting: "TIDEGATE_HEALTH_PORT" });
}

/** Until there is a store nobody can be served. */
function answerEarly(): Response {
  const error = new AppError("store_unavailable", "the gateway is starting");
  const { status, headers, text } = problemOf(error, `urn:uuid:${crypto.randomUUID()}`);
  return new Response(text, { status, headers });
}

/** With the development key anyone makes tokens for this tenant, so it has to be there. */
async function addDemoTenant({ config, database, log }: ClusterProcess): Promise<void> {
  const { retentionMs, retentionBytes } = config;
  const admin = new PostgresTenantAdmin({ database, log, retentionMs, retentionBytes });
  if ((await admin.find(DEMO_TENANT)) === undefined)
    await admin.add({ name: DEMO_TENANT, plan: "small" });
}
