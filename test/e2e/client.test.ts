import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Client, EventItem, Item } from "../../src/client/tidegate.ts";
import { range, seqsOf } from "../support/client/client-bench.ts";
import { demoClient } from "../support/e2e/demo-client.ts";
import { GatewayProcess } from "../support/e2e/gateway-process.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await GatewayProcess.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** The first `count` events that the iterator gives. */
async function take(items: AsyncIterable<EventItem>, count: number): Promise<EventItem[]> {
  const taken: EventItem[] = [];
  for await (const item of items) if (taken.push(item) === count) break;
  return taken;
}

/** Waits until what the client reads of a room is live, so that it misses nothing from now on. */
async function live(client: Client, room: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onItem = (item: Item): void => void (item.type === "live" && resolve());
  const subscription = client.subscribe(room, { onItem });
  await promise;
  subscription.close();
}

test("every receipt is true, and every reader whole, though the gateway is killed again and again", async () => {
  const writer = demoClient(gateway.url, "writer", { backoffCapMs: 500 });
  const reader = demoClient(gateway.url, "reader", { backoffCapMs: 500 });
  const shown: Item[] = [];
  reader.subscribe("killed", { onItem: (item) => shown.push(item) });
  const taken = take(reader.subscribe("killed").events(), 3_000);
  await live(reader, "killed");
  const keys: string[] = [];
  for (let round = 0; round < 6; round++) {
    const receipts = range(1, 500).map((i) => {
      const { key, receipt } = writer.send("killed", { text: `${round} ${i} é "\\ \n 👋` });
      keys.push(key);
      return receipt;
    });
    if (round % 2 === 1) {
      await receipts[100];
      await gateway.kill();
      await gateway.start();
    }
    await Promise.all(receipts);
  }
  const items = await taken;
  expect(items.map(({ seq }) => seq)).toEqual(range(1, 3_000));
  expect(items.map(({ event }) => event.key)).toEqual(keys);
  expect(seqsOf(shown)).toEqual(range(1, 3_000));
  expect(shown.filter((item) => item.type === "reset")).toEqual([]);
  writer.close();
  reader.close();
}, 60_000);

test("a reader that stops reading in between misses nothing, and a late one resumes by its cursor", async () => {
  const writer = demoClient(gateway.url, "writer");
  const slow = demoClient(gateway.url, "slow", { bufferEventsMax: 16 });
  const iterator = slow.subscribe("slow").events()[Symbol.asyncIterator]();
  const first = iterator.next();
  await live(slow, "slow");
  await Promise.all(range(1, 2_000).map((i) => writer.send("slow", { text: `${i}` }).receipt));
  const seqs = [((await first).value as EventItem).seq];
  let cursor = "";
  while (seqs.length < 1_500) {
    const item = (await iterator.next()).value as EventItem;
    seqs.push(item.seq);
    ({ cursor } = item);
  }
  expect(seqs).toEqual(range(1, 1_500));
  slow.close();
  const late = demoClient(gateway.url, "late");
  const rest = await take(late.subscribe("slow", { cursor }).events(), 500);
  expect(rest.map(({ seq }) => seq)).toEqual(range(1_501, 2_000));
  late.close();
  writer.close();
}, 30_000);

test("a first message in a new room reaches everyone who waits there", async () => {
  const clients = range(1, 5).map((i) => demoClient(gateway.url, `user-${i}`));
  const waiting = clients.map((client) => take(client.subscribe("new").events(), 3));
  await Promise.all(clients.map((client) => live(client, "new")));
  for (const client of clients.slice(0, 3)) await client.send("new", { text: "hello" }).receipt;
  for (const items of await Promise.all(waiting))
    expect(items.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  for (const client of clients) client.close();
}, 30_000);

test("a message that the gateway refuses says why", async () => {
  const client = demoClient(gateway.url, "writer");
  const { receipt } = client.send("room", { text: "x" }, { key: "1111111111111111" });
  await expect(receipt).rejects.toMatchObject({ code: "key_weak", retriable: false });
  client.close();
});
