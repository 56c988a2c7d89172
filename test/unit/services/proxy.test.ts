import { expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { startProxy } from "../../support/services/proxy.ts";

/** A server that says everything back. */
async function startEcho(): Promise<AsyncDisposable & { host: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

async function dial(port: number): Promise<Socket & Disposable> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

async function ask(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [bytes] = (await once(socket, "data")) as [Buffer];
  return bytes.toString();
}

test("passes on what is said in both directions", async () => {
  await using echo = await startEcho();
  await using proxy = await startProxy(echo);
  using socket = await dial(proxy.port);
  expect(await ask(socket, "hello")).toBe("hello");
  expect(proxy.connections).toBe(1);
});

test("delays each direction", async () => {
  await using echo = await startEcho();
  await using proxy = await startProxy(echo);
  using socket = await dial(proxy.port);
  proxy.delay(60);
  const started = performance.now();
  expect(await ask(socket, "late")).toBe("late");
  expect(performance.now() - started).toBeGreaterThanOrEqual(119);
  await proxy.heal();
  expect(await ask(socket, "soon")).toBe("soon");
});

test("a cut drops connections and refuses new ones until it heals", async () => {
  await using echo = await startEcho();
  await using proxy = await startProxy(echo);
  using socket = await dial(proxy.port);
  expect(await ask(socket, "hello")).toBe("hello");
  const dropped = once(socket, "close");
  await proxy.cut();
  await dropped;
  await expect(dial(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await proxy.heal();
  using again = await dial(proxy.port);
  expect(await ask(again, "back")).toBe("back");
});

test("a stall holds everything back, and loses nothing", async () => {
  await using echo = await startEcho();
  await using proxy = await startProxy(echo);
  using socket = await dial(proxy.port);
  expect(await ask(socket, "hello")).toBe("hello");
  proxy.stall();
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  socket.write("held");
  // What another proxy has passed there and back in the meantime.
  await using open = await startProxy(echo);
  using other = await dial(open.port);
  for (let turn = 0; turn < 20; turn += 1) await ask(other, "x");
  expect(text).toBe("");
  const data = once(socket, "data");
  await proxy.heal();
  await data;
  expect(text).toBe("held");
});

test("a sender is not read faster than its reader reads", async () => {
  const server = createServer((socket) => void socket.pause().on("error", () => {}));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  await using proxy = await startProxy({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
  });
  using socket = await dial(proxy.port);
  const [reader] = await accepted;
  const chunk = Buffer.alloc(1_048_576, "x");
  const wanted = 64;
  for (let sent = 0; sent < wanted; sent += 1) socket.write(chunk);
  await once(socket, "drain", { signal: AbortSignal.timeout(300) }).catch(() => {});
  expect(socket.writableLength).toBeGreaterThan(32 * chunk.length);
  let received = 0;
  reader.on("data", (bytes: Buffer) => (received += bytes.length));
  reader.resume();
  const drained = once(socket, "drain");
  await drained;
  socket.end();
  await once(reader, "end");
  expect(received).toBe(wanted * chunk.length);
  reader.destroy();
  server.close();
});

test("the end of one side reaches the other after all that was said", async () => {
  await using echo = await startEcho();
  await using proxy = await startProxy(echo);
  using socket = await dial(proxy.port);
  proxy.delay(20);
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  socket.end("goodbye");
  await once(socket, "end");
  expect(text).toBe("goodbye");
});
