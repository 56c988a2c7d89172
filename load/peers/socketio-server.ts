/*
 * A chat server on Socket.IO 4 with the Redis adapter, as its documentation has it: what Tidegate is
 * compared with. It is transpiled and runs on Node as well as on Bun; its packages come from a folder
 * that is given, and are none of ours.
 *
 *     node socketio-server.mjs <folder with node_modules> <redis url> [ws|bun]
 */
import { createServer, type Server as HttpServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Serve } from "bun";

type Ack = (answer?: string) => void;

/** What of these packages is used here: they are not there when types are checked. */
interface Socket {
  readonly handshake: { readonly auth: { readonly user: string } };
  on(event: "join", listener: (room: string, ack: Ack) => void): void;
  on(
    event: "send",
    listener: (room: string, key: string, content: unknown, ack: Ack) => void,
  ): void;
  join(room: string): Promise<void> | void;
}
interface Io {
  on(event: "connection", listener: (socket: Socket) => void): void;
  to(room: string): { emit(event: string, ...args: unknown[]): void };
  attach(server: HttpServer, options: Readonly<Record<string, unknown>>): void;
  bind(engine: Engine): void;
}
interface Engine {
  handler(): Serve.Options<undefined>;
}
interface RedisClient {
  duplicate(): RedisClient;
}

const [, , folder = "", redisUrl = "", engineName = "ws"] = process.argv;
const require = createRequire(`${folder}/`);
const { Server } = require("socket.io") as { Server: new (options: object) => Io };
const { createAdapter } = require("@socket.io/redis-adapter") as {
  createAdapter: (publisher: RedisClient, subscriber: RedisClient) => object;
};
const { Redis } = require("ioredis") as { Redis: new (url: string) => RedisClient };

const options = { serveClient: false, transports: ["websocket"] };
const publisher = new Redis(redisUrl);
const io = new Server({ ...options, adapter: createAdapter(publisher, publisher.duplicate()) });

io.on("connection", (socket) => {
  const { user } = socket.handshake.auth;
  socket.on("join", (room, ack) => {
    void Promise.resolve(socket.join(room)).then(() => ack());
  });
  socket.on("send", (room, key, content, ack) => {
    io.to(room).emit("message", room, key, user, content);
    ack("ok");
  });
});

if (engineName === "bun") {
  const { Server: BunEngine } = require("@socket.io/bun-engine") as {
    Server: new (options: { path: string }) => Engine;
  };
  const engine = new BunEngine({ path: "/socket.io/" });
  io.bind(engine);
  const where = { port: 0, hostname: "127.0.0.1" };
  const server = Bun.serve(Object.assign(engine.handler(), where));
  process.stdout.write(`listening on http://127.0.0.1:${server.port}\n`);
} else {
  const server = createServer();
  io.attach(server, options);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
  });
}
