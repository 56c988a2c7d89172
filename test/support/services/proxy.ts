import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { freePort } from "./ports.ts";
import { forward } from "./proxy-pipe.ts";
import type { Weather } from "./proxy-pipe.ts";

/** A TCP proxy on the loopback address that makes the network behind it as bad as a test wants. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `host:port` */
  readonly address: string;
  /** Open connections. */
  readonly connections: number;
  /** Drops every connection and refuses new ones. */
  cut(): Promise<void>;
  /** Keeps connections open, and takes new ones, but passes nothing on. */
  stall(): void;
  /** Every byte arrives this much later, in each direction. */
  delay(milliseconds: number): void;
  /** Ends all of that; what was held back goes on. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Listens on the port, a free one when absent, and forwards to the target. */
export async function startProxy(
  target: { readonly host: string; readonly port: number },
  port: number = freePort(),
): Promise<FaultProxy> {
  const proxy = new Proxy(target, port);
  await proxy.heal();
  return proxy;
}

class Proxy implements FaultProxy {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  readonly #weather: Weather = { isStalled: false, delayMs: 0, wakers: new Set() };
  #server: Server | undefined;

  constructor(target: { readonly host: string; readonly port: number }, port: number) {
    this.#target = target;
    this.port = port;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get connections(): number {
    return Math.ceil(this.#sockets.size / 2);
  }

  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed =
      server === undefined
        ? Promise.resolve()
        : new Promise<void>((resolve) => void server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  stall(): void {
    this.#weather.isStalled = true;
  }

  delay(milliseconds: number): void {
    this.#weather.delayMs = milliseconds;
  }

  async heal(): Promise<void> {
    this.#weather.isStalled = false;
    this.#weather.delayMs = 0;
    for (const wake of this.#weather.wakers) wake();
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#accept(socket),
    );
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, this.host, resolve);
    });
    this.#server = server;
  }

  async close(): Promise<void> {
    await this.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(near: Socket): void {
    const far = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      // An error is followed by the end of the socket, which is what the other side is to see.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        // After a proper end the pipe ends the other one, when it has passed on the rest.
        if (!socket.readableEnded) other.destroy();
      });
    }
    forward(near, far, this.#weather);
    forward(far, near, this.#weather);
  }
}
