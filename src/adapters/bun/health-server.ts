import { AppError } from "../../errors.ts";
import type { Health } from "../../health.ts";

export interface HealthSource {
  readonly health: Health;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServerOptions extends HealthSource {
  readonly port: number;
  readonly host: string;
  /** The port's, for whoever finds it in use. */
  readonly setting: string;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** What a process says of itself; undefined for every other address. */
export function answerHealth(
  { health, metrics }: HealthSource,
  request: Request,
): Response | Promise<Response> | undefined {
  const { pathname } = new URL(request.url);
  const route = ROUTES[pathname];
  if (route === undefined) return undefined;
  if (request.method !== "GET")
    return new Response("only GET\n", { status: 405, headers: { Allow: "GET" } });
  return route(health, metrics);
}

const ROUTES: Readonly<
  Record<string, (health: Health, metrics: HealthSource["metrics"]) => Response | Promise<Response>>
> = {
  "/livez": (health) => Response.json(health.live()),
  "/readyz": (health) => {
    const reply = health.ready();
    return Response.json(reply, { status: reply.status === "ready" ? 200 : 503 });
  },
  "/metrics": async (_, metrics) => {
    const { contentType, text } = await metrics();
    return new Response(text, { headers: { "Content-Type": contentType } });
  },
};

/**
 * Serves `/livez`, `/readyz` and `/metrics` of this process, on a port that it has alone.
 * @throws AppError `internal` that names the setting when the port is taken
 */
export function startHealthServer(options: HealthServerOptions): HealthServer {
  const { port, host, setting } = options;
  try {
    const server = Bun.serve({
      port,
      hostname: host,
      fetch: (request) =>
        answerHealth(options, request) ?? new Response("not found\n", { status: 404 }),
    });
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
    return {
      url: `http://${shown}:${server.port}`,
      close: () => server.stop(true),
    };
  } catch (error) {
    const inUse = (error as { code?: unknown }).code === "EADDRINUSE";
    const message = inUse
      ? `port ${port} is in use: set ${setting} to another one for each process (0 picks a free one)`
      : `cannot listen on ${host}:${port}`;
    throw new AppError("internal", message, { cause: error });
  }
}
