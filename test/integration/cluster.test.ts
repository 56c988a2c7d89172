import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Client, EventItem, Item } from "../../src/client/tidegate.ts";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import { range } from "../support/client/client-bench.ts";
import type { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";

const TIMEOUT_MS = 120_000;

let cluster: TestCluster;
let gateways: [ClusterProgram, ClusterProgram];
let consumers: [ClusterProgram, ClusterProgram];
let url: string;
let acme: string;

beforeAll(async () => {
  cluster = await TestCluster.create();
  acme = (await cluster.addTenant("acme")).name;
  const first = await cluster.startGateway();
  ({ url } = first);
  const port = new URL(url).port;
  gateways = [first, await cluster.startGateway({ PORT: port })];
  consumers = [await cluster.startConsumers(), await cluster.startConsumers()];
}, TIMEOUT_MS);
afterAll(() => cluster[Symbol.asyncDispose](), TIMEOUT_MS);

/** The first `count` events of a room, from its first one on. */
async function read(client: Client, room: string, count: number): Promise<EventItem[]> {
  const taken: EventItem[] = [];
  for await (const item of client.subscribe(room, { tail: 1_000 }).events())
    if (taken.push(item) === count) break;
  return taken;
}

const contentOf = ({ event }: EventItem): unknown => event.content;
const texts = (count: number) => range(1, count).map((i) => ({ text: `${i} é 👋` }));

/** Sends all, in their order, and waits for their receipts. */
async function sendAll(client: Client, room: string, contents: readonly object[]): Promise<void> {
  await Promise.all(contents.map((content) => client.send(room, content).receipt));
}

test(
  "what many clients send over gateways that share a port comes to all of them in one order",
  async () => {
    const clients = range(1, 8).map((i) => cluster.client(url, acme, `user-${i}`));
    const rooms = ["one", "two", "três"];
    const reading = clients.map((client) =>
      Promise.all(rooms.map((room) => read(client, room, 80))),
    );
    await Promise.all(
      clients.flatMap((client, i) =>
        rooms.map((room) =>
          sendAll(
            client,
            room,
            range(1, 10).map((n) => ({ text: `${i}/${n} é` })),
          ),
        ),
      ),
    );
    const [first, ...others] = await Promise.all(reading);
    for (const room of first ?? []) expect(room.map(({ seq }) => seq)).toEqual(range(1, 80));
    for (const other of others)
      expect(other.map((room) => room.map(contentOf))).toEqual(
        first?.map((room) => room.map(contentOf)) ?? [],
      );
  },
  TIMEOUT_MS,
);

test(
  "a tenant that is added while all runs is delivered to within seconds, in its own topic and in a shared one",
  async () => {
    for (const plan of ["small", "shared"] as const) {
      const { name } = await cluster.addTenant(`new-${plan}`, plan);
      const startedAt = performance.now();
      const client = cluster.client(url, name, "ana");
      const reading = read(client, "general", 3);
      await sendAll(client, "general", texts(3));
      expect((await reading).map(contentOf)).toEqual(texts(3));
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
  },
  TIMEOUT_MS,
);

test(
  "tenants of one shared topic see nothing of each other",
  async () => {
    const [left, right] = await twoInOneTopic();
    const [one, other] = [cluster.client(url, left, "ana"), cluster.client(url, right, "ana")];
    const reading = [read(one, "general", 2), read(other, "general", 2)];
    await Promise.all([
      sendAll(one, "general", [{ of: "left" }, { of: "left" }]),
      sendAll(other, "general", [{ of: "right" }, { of: "right" }]),
    ]);
    const [mine = [], theirs = []] = await Promise.all(reading);
    expect(mine.map(contentOf)).toEqual([{ of: "left" }, { of: "left" }]);
    expect(theirs.map(contentOf)).toEqual([{ of: "right" }, { of: "right" }]);
    expect([...mine, ...theirs].map(({ seq }) => seq)).toEqual([1, 2, 1, 2]);
  },
  TIMEOUT_MS,
);

/** A socket whose first command was answered, one way or the other. */
async function connect(token: string): Promise<{
  readonly reply: Readonly<Record<string, unknown>>;
  readonly closed: Promise<{ code: number; reason: string }>;
  close(): void;
}> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/socket`, "tidegate.v1");
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  socket.onclose = ({ code, reason }) => closed.resolve({ code, reason });
  const reply = await new Promise<string>((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, connect: { token } }));
    socket.onmessage = ({ data }) => resolve(String(data));
    socket.onerror = () => reject(new Error("no connection"));
  });
  const [first = ""] = reply.split("\n");
  return {
    reply: JSON.parse(first) as Record<string, unknown>,
    closed: closed.promise,
    close: () => socket.close(),
  };
}

test(
  "a tenant has as many sockets on a gateway as it may, and one that ends makes room",
  async () => {
    const { name } = await cluster.addTenant("few");
    await cluster.tenants("limits", name, "--connections", "1");
    const token = await trust.token({ tenant: name, user: "ana" });
    // Two gateways share the port, so that the third socket is a second one on either.
    const sockets = [await connect(token), await connect(token), await connect(token)];
    const refused = sockets.filter(({ reply }) => "error" in reply);
    expect(refused.length).toBeGreaterThan(0);
    for (const { reply, closed } of refused) {
      expect(reply).toMatchObject({ error: { code: "overloaded", retriable: true, limit: 1 } });
      expect(await closed).toEqual(CLOSE_TABLE["overloaded"]);
    }
    for (const socket of sockets) socket.close();
    await Promise.all(sockets.map(({ closed }) => closed));
    await until("there is room again", async () => {
      const socket = await connect(token);
      socket.close();
      await socket.closed;
      return "connect" in socket.reply;
    });
  },
  TIMEOUT_MS,
);

/** New tenants are spread, so there have to be some before two are in the same topic. */
async function twoInOneTopic(): Promise<readonly [string, string]> {
  const byTopic = new Map<string, string>();
  for (let i = 0; ; i++) {
    const { name, placement } = await cluster.addTenant(`shared-${i}`, "shared");
    const { topic } = placement;
    const earlier = byTopic.get(topic);
    if (earlier !== undefined) return [earlier, name];
    byTopic.set(topic, name);
  }
}

test(
  "a limit of a tenant takes effect on what is connected",
  async () => {
    const { name } = await cluster.addTenant("limited");
    const token = await trust.token({ tenant: name, user: "ana" });
    const send = (): Promise<Response> =>
      fetch(`${url}/v1/conversations/general/messages`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ content: { text: "é" } }),
      });
    expect((await send()).status).toBe(201);
    await cluster.tenants("limits", name, "--sends-per-second", "1", "--burst", "1");
    await until("sends are refused", async () => (await send()).status === 429);
    await cluster.tenants("limits", name, "--sends-per-second", "none", "--burst", "none");
    await until("sends are taken", async () => (await send()).status === 201);
  },
  TIMEOUT_MS,
);

test(
  "a tenant that is suspended loses its sockets for good, and is served again when it is resumed",
  async () => {
    const { name } = await cluster.addTenant("late");
    const client = cluster.client(url, name, "ana");
    const reading = read(client, "general", 1);
    await sendAll(client, "general", texts(1));
    await reading;
    const token = await trust.token({ tenant: name, user: "ben" });
    const socket = await connect(token);
    await cluster.tenants("suspend", name);
    expect(await socket.closed).toEqual(CLOSE_TABLE["not_served"]);
    expect(await (await connect(token)).closed).toEqual(CLOSE_TABLE["not_served"]);
    const history = () =>
      fetch(`${url}/v1/conversations/general/messages`, {
        headers: { Authorization: `Bearer ${token}` },
      });
    await until("requests are refused", async () => (await history()).status === 403);
    await cluster.tenants("resume", name);
    await until("requests are answered", async () => (await history()).status === 200);
  },
  TIMEOUT_MS,
);

test(
  "a consumers process that is stopped leaves cleanly, and the other one delivers on",
  async () => {
    const client = cluster.client(url, acme, "ana");
    const items: Item[] = [];
    client.subscribe("handed over", { onItem: (item) => items.push(item) });
    await sendAll(client, "handed over", texts(50));
    const code = consumers[0].stop();
    await sendAll(client, "handed over", texts(50));
    expect(await code).toBe(0);
    await sendAll(client, "handed over", texts(50));
    const seqs = () => items.flatMap((item) => (item.type === "event" ? [item.seq] : []));
    await until("all is delivered", () => seqs().length >= 150, 60_000);
    expect(seqs()).toEqual(range(1, 150));
    expect(consumers[0].errors).not.toContain('"level":"error"');
  },
  TIMEOUT_MS,
);

test(
  "a gateway that is stopped sends its clients to the other one on the same port, and loses nothing",
  async () => {
    const clients = range(1, 6).map((i) => cluster.client(url, acme, `mover-${i}`));
    const reading = clients.map((client) => read(client, "moving", 120));
    const sending = clients.map(async (client, i) => {
      for (const n of range(1, 20)) await client.send("moving", { text: `${i}/${n}` }).receipt;
    });
    const code = gateways[0].stop();
    expect(await code).toBe(0);
    await Promise.all(sending);
    const [first, ...others] = await Promise.all(reading);
    expect(first?.map(({ seq }) => seq)).toEqual(range(1, 120));
    for (const other of others) expect(other.map(contentOf)).toEqual(first?.map(contentOf) ?? []);
  },
  TIMEOUT_MS,
);

test(
  "a removed tenant is gone with its topic",
  async () => {
    const { name } = await cluster.addTenant("leaving");
    const client = cluster.client(url, name, "ana");
    const reading = read(client, "general", 1);
    await sendAll(client, "general", texts(1));
    await reading;
    client.close();
    expect(await cluster.tenants("remove", name, "--yes")).toContain(`${name} is removed`);
    expect(await cluster.tenants("list")).not.toContain(name);
    expect(consumers[1].errors).not.toContain('"level":"error"');
  },
  TIMEOUT_MS,
);
