import { AppError } from "../src/errors.ts";
import type { Socket } from "../src/ports/socket.ts";
import type { Connection } from "./connection.ts";
import type { Gateway } from "./gateway.ts";
import { createReceiver } from "./receive.ts";

export const SOCKET_PATH = "/v1/socket";
export const SUBPROTOCOL = "tidegate.v1";

export interface AppOptions {
  readonly gateway: Gateway;
  /** Whether a page of this origin may open sockets here. */
  readonly originAllowed: (origin: string | null, host: string | null) => boolean;
  readonly problem: (error: AppError) => Response;
  /** Tried in order; the last one answers everything. */
  readonly routes: readonly ((request: Request) => Response | Promise<Response> | undefined)[];
}

/** The gateway behind one port: upgrades, then pages and HTTP. */
export interface App {
  fetch(request: Request, upgrade: () => boolean): Response | Promise<Response> | undefined;
  readonly sockets: {
    open(socket: Socket): Connection;
    text(connection: Connection, text: string): void;
    binary(connection: Connection): void;
    drain(connection: Connection): void;
    closed(connection: Connection): void;
  };
}

export function createApp(options: AppOptions): App {
  const { gateway, originAllowed, problem, routes } = options;

  /** Undefined: the request has become a socket. */
  const socket = (request: Request, upgrade: () => boolean): Response | undefined => {
    const { headers } = request;
    if (headers.get("upgrade")?.toLowerCase() !== "websocket")
      return text(426, "this address takes WebSocket connections", { Upgrade: "websocket" });
    if (!originAllowed(headers.get("origin"), headers.get("host")))
      return problem(new AppError("origin_forbidden"));
    const offered =
      headers
        .get("sec-websocket-protocol")
        ?.split(",")
        .map((name) => name.trim()) ?? [];
    if (!offered.includes(SUBPROTOCOL))
      return text(400, `the WebSocket subprotocol must be ${SUBPROTOCOL}`);
    const refused = gateway.refusesSockets();
    if (refused !== undefined) return problem(refused);
    return upgrade() ? undefined : text(400, "the WebSocket handshake is not valid");
  };

  return {
    fetch(request, upgrade) {
      if (new URL(request.url).pathname === SOCKET_PATH) return socket(request, upgrade);
      for (const route of routes) {
        const response = route(request);
        if (response !== undefined) return response;
      }
      return text(404, "not found");
    },
    sockets: {
      open: (opened) => gateway.open(opened),
      text: createReceiver(gateway),
      binary: (connection) => connection.close("binary_frame"),
      drain(connection) {
        try {
          connection.drained();
        } catch (error) {
          gateway.failed(connection, error);
        }
      },
      closed: (connection) => gateway.closed(connection),
    },
  };
}

function text(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}
