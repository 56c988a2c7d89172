/** Sends every WebSocket message back: what the sockets of Bun alone can do. */
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("ok")),
  websocket: { message: (socket, text) => void socket.send(text) },
});
process.stdout.write(`listening on http://127.0.0.1:${server.port}\n`);
