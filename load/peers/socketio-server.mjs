/*
 * A chat server on Socket.IO 4 with the Redis adapter, as its documentation has it: what Tidegate is
 * compared with. Plain JavaScript, since it runs on Node too; its packages come from a folder that
 * is given, and are none of ours.
 *
 *     node socketio-server.mjs <folder with node_modules> <redis url> [ws|bun]
 */
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [, , folder, redisUrl, engineName = "ws"] = process.argv;
const require = createRequire(`${folder}/`);
const { Server } = require("socket.io");
const { createAdapter } = require("@socket.io/redis-adapter");
const { Redis } = require("ioredis");

const publisher = new Redis(redisUrl);
const io = new Server({
  adapter: createAdapter(publisher, publisher.duplicate()),
  serveClient: false,
  transports: ["websocket"],
});

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
  const { Server: Engine } = require("@socket.io/bun-engine");
  const engine = new Engine({ path: "/socket.io/" });
  io.bind(engine);
  const { fetch, websocket } = engine.handler();
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch, websocket });
  console.log(`listening on http://127.0.0.1:${server.port}`);
} else {
  const server = createServer();
  io.attach(server, { transports: ["websocket"], serveClient: false });
  server.listen(0, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
}
