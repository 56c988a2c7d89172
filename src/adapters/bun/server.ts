import type { Server, ServerWebSocket } from "bun";
import { AppError } from "../../errors.ts";
import type { Socket } from "../../ports/socket.ts";

/** What the server tells of its sockets. `T` is the handler's own state of one socket. */
export interface SocketHandler<T> {
  open(socket: Socket): T;
  text(state: T, text: string): void;
  binary(state: T): void;
  /** The socket's buffer is empty again. */
  drain(state: T): void;
  closed(state: T): void;
}

export interface ServerOptions<T> {
  readonly port: number;
  readonly host: string;
  readonly sockets: SocketHandler<T>;
  /** Bytes of one frame; larger ones close the socket (1009, or the reason below it). */
  readonly frameBytesMax: number;
  /** Bytes that the socket layer may hold back for one socket. */
  readonly socketBytesMax: number;
  readonly subprotocol: string;
  /** Shares the port with other processes that do so too; Linux only. */
  readonly reusePort?: boolean;
  /** Answers a request. Calling `upgrade` makes it a socket; it is false when that failed. */
  readonly fetch: (
    request: Request,
    upgrade: () => boolean,
  ) => Response | Promise<Response> | undefined;
}

export interface RunningServer {
  readonly port: number;
  readonly url: string;
  /** Takes no connection any more; those that there are stay. */
  stopListening(): void;
  /** Stops taking connections, waits `graceMs` at most for answers on their way, ends the rest. */
  close(graceMs: number): Promise<void>;
}

interface Data<T> {
  state: T | undefined;
}

/**
 * Serves HTTP and WebSocket with `Bun.serve`. Compression is off: it costs memory for each socket,
 * and short frames gain nothing. The runtime's own pings are off: heartbeats are the protocol's.
 * @throws AppError `internal` that names the port when it is taken
 */
export function startServer<T>(options: ServerOptions<T>): RunningServer {
  const { sockets } = options;
  let server: Server<Data<T>>;
  try {
    server = Bun.serve<Data<T>>({
      port: options.port,
      hostname: options.host,
      idleTimeout: 60,
      // Bodies are read as streams, each route within a limit of its own; one may be endless.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...(options.reusePort === true ? { reusePort: true } : {}),
      fetch(request, self) {
        const upgrade = () =>
          self.upgrade(request, {
            data: { state: undefined },
            headers: { "Sec-WebSocket-Protocol": options.subprotocol },
          });
        return options.fetch(request, upgrade) as Response | Promise<Response>;
      },
      websocket: {
        // The codec closes a frame that is too large with our own code; this is the outer bound.
        maxPayloadLength: options.frameBytesMax * 4,
        backpressureLimit: options.socketBytesMax,
        closeOnBackpressureLimit: false,
        idleTimeout: 0,
        sendPings: false,
        perMessageDeflate: false,
        open(ws) {
          ws.data.state = sockets.open(new BunSocket(ws));
        },
        message(ws, message) {
          const { state } = ws.data;
          if (state === undefined) return;
          if (typeof message === "string") sockets.text(state, message);
          else sockets.binary(state);
        },
        drain(ws) {
          const { state } = ws.data;
          if (state !== undefined && ws.getBufferedAmount() === 0) sockets.drain(state);
        },
        close(ws) {
          const { state } = ws.data;
          if (state !== undefined) sockets.closed(state);
          ws.data.state = undefined;
        },
      },
    });
  } catch (error) {
    const inUse = (error as { code?: unknown }).code === "EADDRINUSE";
    const message = inUse
      ? `port ${options.port} is in use: stop what listens there, or set PORT to another one (PORT=0 picks a free one)`
      : `cannot listen on ${options.host}:${options.port}`;
    throw new AppError("internal", message, { cause: error });
  }
  return {
    port: server.port as number,
    url: `http://${options.host === "0.0.0.0" || options.host === "::" ? "localhost" : options.host}:${server.port}`,
    stopListening: () => void server.stop(false),
    async close(graceMs) {
      const grace = Promise.withResolvers<void>();
      const timer = setTimeout(grace.resolve, graceMs);
      await Promise.race([server.stop(false), grace.promise]);
      clearTimeout(timer);
      await server.stop(true);
    },
  };
}

class BunSocket<T> implements Socket {
  readonly #ws: ServerWebSocket<Data<T>>;

  constructor(ws: ServerWebSocket<Data<T>>) {
    this.#ws = ws;
  }

  send(text: string): number {
    return this.#ws.send(text);
  }

  close(code: number, reason: string): void {
    this.#ws.close(code, reason);
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }
}
