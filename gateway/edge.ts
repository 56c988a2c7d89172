import type { Config } from "../src/config.ts";
import type { Health } from "../src/health.ts";
import { overview } from "../src/ops/overview.ts";
import type { Reporter } from "../src/ops/reporter.ts";
import type { DeadLetters } from "../src/ports/dead-letters.ts";
import type { SnapshotBoard } from "../src/ports/snapshot-board.ts";
import { createAdminApp } from "./admin/app.ts";
import { AdminGate } from "./admin/gate.ts";
import { createApp, type App } from "./app.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { createHttpApp } from "./http/app.ts";
import type { HttpDeps, MintToken } from "./http/deps.ts";
import { problemOf } from "./http/problem.ts";
import { createTenantMetrics, type TenantMetricsOptions } from "./http/tenant-metrics.ts";
import { Ingest } from "./ingest/ingest.ts";
import { originAllowed } from "./origin.ts";
import { createMessageService } from "./service.ts";

export interface EdgeOptions extends GatewayOptions {
  readonly health: Health;
  readonly config: Pick<Config, "allowedOrigins"> & Partial<Pick<Config, "traceUrl">>;
  readonly metrics: HttpDeps["metrics"];
  /** Of topics of events that are not chat's, when they are made; the catalog's when left out. */
  readonly eventPartitionsMax?: number;
  /** Renders what `/metrics/tenants` has. */
  readonly tenantMetrics: TenantMetricsOptions["render"];
  /** Tells the admin key from any other; undefined where there is none. */
  readonly isAdmin: ((key: string) => boolean) | undefined;
  /** What processes say of themselves. */
  readonly board: SnapshotBoard;
  /** Says it of this one. */
  readonly reporter: Reporter;
  readonly deadLetters: DeadLetters;
  /** Undefined unless the development key is in use. */
  readonly mintToken: MintToken | undefined;
  /** Answers what is a page's; undefined for everything else. */
  readonly pages: (request: Request) => Response | Promise<Response> | undefined;
}

/** A gateway with all that one port of it answers. */
export interface Edge {
  readonly gateway: Gateway;
  readonly app: App;
}

/** Puts a gateway together from its adapters, whichever they are. */
export function createEdge(options: EdgeOptions): Edge {
  const { health, config, clock, random, telemetry, limits, authenticator } = options;
  const gateway = new Gateway(options);
  const http = createHttpApp({
    authenticator,
    messages: createMessageService(gateway),
    ingest: new Ingest({
      ...options,
      gateway,
      source: options.name,
      partitionsMax: options.eventPartitionsMax ?? Number.POSITIVE_INFINITY,
    }),
    health,
    clock,
    random,
    telemetry,
    limits,
    config,
    metrics: options.metrics,
    mintToken: options.mintToken,
  });
  const { isAdmin, board, reporter } = options;
  const gate = isAdmin && new AdminGate({ isAdmin, clock, limits });
  reporter.tenantsFrom(() =>
    gateway.tenantNumbers().map(({ name, sends, rateLimited, delivered, connections }) => {
      return { name, sends, rate_limited: rateLimited, delivered, connections };
    }),
  );
  const admin = createAdminApp({
    gate,
    deadLetters: options.deadLetters,
    overview: () => overview({ board, reporter, clock, limits, traceUrl: config.traceUrl }),
    random,
    telemetry,
    limits,
  });
  const tenantMetrics = createTenantMetrics({
    numbers: () => gateway.tenantNumbers(),
    render: options.tenantMetrics,
    isAdmin: gate && ((key) => gate.refusal(key) === undefined),
  });
  const app = createApp({
    gateway,
    originAllowed: (origin, host) => originAllowed(origin, host, config),
    problem(error) {
      const { status, headers, text } = problemOf(error, `urn:uuid:${random.uuidv7()}`);
      return new Response(text, { status, headers });
    },
    routes: [options.pages, tenantMetrics, admin, (request) => http.fetch(request)],
  });
  return { gateway, app };
}
