import { expect, test } from "bun:test";
import type { EventItem } from "../../src/client/tidegate.ts";
import { range } from "../support/client/client-bench.ts";
import type { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";
import { startKafka } from "../support/services/kafka.ts";
import { startPostgres } from "../support/services/postgres.ts";
import { startRedis } from "../support/services/redis.ts";

const TIMEOUT_MS = 180_000;
/** A session of the consumer group, and what a busy machine adds. */
const PHASE_MS = 45_000;
const WRITERS = 4;
const EACH = 10;
const ROOM = "general";

interface Sent {
  readonly writer: number;
  readonly n: number;
  readonly durability: string;
}

async function hasPlaced({ url }: ClusterProgram): Promise<boolean> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return /^tidegate_delivery_placed_total [1-9]/m.test(metrics);
}

test(
  "every receipt is true, and every reader whole, though processes and services are killed and Kafka stands still",
  async () => {
    await using kafka = await startKafka();
    await using postgres = await startPostgres();
    await using redis = await startRedis();
    await using cluster = await TestCluster.create({ kafka, postgres, redis });
    const tenant = (await cluster.addTenant("acme")).name;
    const gateway = await cluster.startGateway();
    const { port } = new URL(gateway.url);
    const killedGateway = await cluster.startGateway({ PORT: port });
    const consumers = [await cluster.startConsumers(), await cluster.startConsumers()];

    const readers = range(1, 4).map((i) => {
      const taken: EventItem[] = [];
      const client = cluster.client(gateway.url, tenant, `reader-${i}`);
      const feed = client.subscribe(ROOM, { tail: 1_000 });
      void (async () => {
        for await (const item of feed.events()) taken.push(item);
      })();
      return taken;
    });
    const sent: Sent[] = [];
    let isOver = false;
    // Each waits for its receipt: then its next one stands behind it, wherever it goes.
    const writing = range(1, WRITERS).map(async (writer) => {
      const client = cluster.client(gateway.url, tenant, `writer-${writer}`);
      for (let n = 1; !isOver; n++) {
        const { durability } = await client.send(ROOM, { writer, n }).receipt;
        sent.push({ writer, n, durability });
        await Bun.sleep(20);
      }
    });
    /** Each writer gets some more receipts, and each reader some more events. */
    const goesOn = async (what: string): Promise<void> => {
      const acked = sent.length + WRITERS * EACH;
      const read = readers.map((taken) => taken.length + WRITERS * EACH);
      await until(`${what}: it is acked`, () => sent.length >= acked, PHASE_MS);
      const isRead = () => readers.every((taken, i) => taken.length >= (read[i] as number));
      await until(`${what}: it is delivered`, isRead, PHASE_MS);
    };

    const token = await trust.token({ tenant, user: "historian" });
    const history = async (): Promise<unknown> => {
      const headers = { authorization: `Bearer ${token}` };
      const url = `${gateway.url}/v1/conversations/${ROOM}/messages`;
      return (await fetch(url, { headers })).json();
    };

    await goesOn("nothing is wrong");
    const placing = await Promise.all(consumers.map((one) => hasPlaced(one)));
    expect(placing.filter(Boolean)).toHaveLength(1);
    await consumers[placing.indexOf(true)]?.stop("SIGKILL");
    await goesOn("a consumers process was killed");
    await killedGateway.stop("SIGKILL");
    await goesOn("a gateway was killed");
    await kafka.pause();
    const kept = () => sent.filter(({ durability }) => durability === "outbox").length;
    await until("the outbox has some", () => kept() >= WRITERS * EACH, PHASE_MS);
    await kafka.resume();
    await goesOn("Kafka stood still");
    await until("the log takes them again", () => sent.at(-1)?.durability === "log", PHASE_MS);
    await postgres.kill();
    await goesOn("Postgres was killed");
    expect(await history()).toMatchObject({ code: "store_unavailable", retriable: true });
    await postgres.start();
    await goesOn("Postgres is back");
    await redis.kill();
    await goesOn("Redis was killed");
    await redis.start();
    await goesOn("Redis is back");
    isOver = true;
    await Promise.all(writing);

    const all = sent.length;
    await until("all is read", () => readers.every(({ length }) => length >= all), PHASE_MS);
    const [first = []] = readers;
    expect(first.map(({ seq }) => seq)).toEqual(range(1, all));
    const contents = first.map(({ event }) => event.content as { writer: number; n: number });
    for (const writer of range(1, WRITERS)) {
      const mine = sent.filter((one) => one.writer === writer);
      expect(contents.filter((one) => one.writer === writer).map(({ n }) => n)).toEqual(
        range(1, mine.length),
      );
    }
    const isStored = async () => ((await history()) as { head?: number }).head === all;
    await until("all is stored", isStored, PHASE_MS);
    for (const taken of readers)
      expect(taken.map(({ seq, event }) => [seq, event.id])).toEqual(
        first.map(({ seq, event }) => [seq, event.id]),
      );
  },
  TIMEOUT_MS,
);
