import { AppError } from "../../errors.ts";
import type { Health } from "../../health.ts";

export interface HealthServerOptions {
  readonly port: number;
  readonly host: string;
  readonly health: Health;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * What a process without clients says of itself: `/livez`, `/readyz` and `/metrics`.
 * @throws AppError `internal` that names the setting when the port is taken
 */
export function startHealthServer(options: HealthServerOptions): HealthServer {
  const { port, host, health, metrics } = options;
  const routes: Readonly<Record<string, () => Response | Promise<Response>>> = {
    "/livez": () => Response.json(health.live()),
    "/readyz": () => {
      const reply = health.ready();
      return Response.json(reply, { status: reply.status === "ready" ? 200 : 503 });
    },
    "/metrics": async () => {
      const { contentType, text } = await metrics();
      return new Response(text, { headers: { "Content-Type": contentType } });
    },
  };
  try {
    const server = Bun.serve({
      port,
      hostname: host,
      fetch(request) {
        const route = routes[new URL(request.url).pathname];
        if (route === undefined) return new Response("not found\n", { status: 404 });
        if (request.method !== "GET")
          return new Response("only GET\n", { status: 405, headers: { Allow: "GET" } });
        return route();
      },
    });
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host;
    return {
      url: `http://${shown}:${server.port}`,
      close: () => server.stop(true),
    };
  } catch (error) {
    const inUse = (error as { code?: unknown }).code === "EADDRINUSE";
    const message = inUse
      ? `port ${port} is in use: set TIDEGATE_CONSUMERS_PORT to another one for each process (0 picks a free one)`
      : `cannot listen on ${host}:${port}`;
    throw new AppError("internal", message, { cause: error });
  }
}
