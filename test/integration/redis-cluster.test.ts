import { expect, test } from "bun:test";
import { Redis } from "ioredis";
import { clusterSlot } from "../../src/adapters/redis/cluster-map.ts";
import { Names } from "../../src/adapters/redis/names.ts";
import { freshPrefix, startRedisProcess } from "../support/redis/backplane.ts";
import { Ear, publicationOf, repeat, TOPIC } from "../support/redis/ear.ts";
import { startRedis } from "../support/services/redis.ts";

const QUICK = { probeIntervalMs: 100, probeTimeoutMs: 1_000, joinWaitMs: 300 };
const SLOW_TEST_MS = 60_000;
const PARTITION = 3;
const slotOf = (partition: number): number =>
  clusterSlot(String(new Names("any", 1).partitionTag(TOPIC, partition)));

type Cluster = Awaited<ReturnType<typeof startRedis>>;

/** Runs on every node; the answers in their order. */
async function onAll(cluster: Cluster, command: (node: number) => string[]): Promise<unknown[]> {
  return Promise.all(
    cluster.ports.map(async (port, node) => {
      const client = new Redis(port, "127.0.0.1");
      const [name = "", ...args] = command(node);
      const answer = await client.call(name, ...args);
      client.disconnect();
      return answer;
    }),
  );
}

/** The node that has a slot. */
async function ownerOf(cluster: Cluster, slot: number): Promise<number> {
  const [slots] = (await onAll(cluster, () => ["CLUSTER", "SLOTS"])) as [
    [number, number, [string, number]][],
  ];
  const row = slots.find(([from, to]) => from <= slot && slot <= to);
  return cluster.ports.indexOf(row?.[2][1] ?? 0);
}

async function start(cluster: Cluster) {
  const url = `redis+cluster://${cluster.nodes.join(",")}`;
  const prefix = freshPrefix();
  const worker = startRedisProcess({ url, prefix }, QUICK);
  const gateway = startRedisProcess({ url, prefix }, QUICK);
  await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
  const ear = new Ear(gateway.backplane);
  return {
    worker,
    gateway,
    ear,
    async [Symbol.asyncDispose]() {
      await worker.backplane.close();
      await gateway.backplane.close();
    },
  };
}

// Concurrent: each waits for servers of its own most of the time.
test.concurrent(
  "partitions are spread over the nodes, and each is heard",
  async () => {
    await using cluster = await startRedis({ mode: "cluster" });
    await using world = await start(cluster);
    const { ear, worker } = world;
    const partitions = Array.from({ length: 12 }, (_, partition) => partition);
    const owners = new Set<number>();
    for (const partition of partitions) {
      owners.add(await ownerOf(cluster, slotOf(partition)));
      await ear.member.join("acme", `room-${partition}`, TOPIC, partition);
    }
    expect(owners.size).toBe(3);
    for (const partition of partitions)
      worker.backplane.publish(publicationOf(`room-${partition}`, 1, { partition }));
    await ear.until(() => ear.publications.length === partitions.length);
    expect(new Set(ear.publications.map(({ partition }) => partition)).size).toBe(12);
  },
  SLOW_TEST_MS,
);

test.concurrent(
  "a slot that moves takes its channels with it, and everyone is told to check",
  async () => {
    await using cluster = await startRedis({ mode: "cluster" });
    await using world = await start(cluster);
    const { ear, worker } = world;
    await ear.member.join("acme", "room", TOPIC, PARTITION);
    let number = 0;
    const say = () => worker.backplane.publish(publicationOf("room", ++number));
    await repeat(say, () => ear.publications.length > 0);

    const slot = slotOf(PARTITION);
    const from = await ownerOf(cluster, slot);
    const to = (from + 1) % 3;
    const ids = (await onAll(cluster, () => ["CLUSTER", "MYID"])) as string[];
    // What is imported gives its receiver an epoch of its own. Without that the giver's is the greater one in
    // half of all clusters, and takes the slot back when it speaks between the next two steps.
    const importing = ["CLUSTER", "SETSLOT", String(slot), "IMPORTING", ids[from] as string];
    await onAll(cluster, (one) => (one === to ? importing : ["PING"]));
    // The receiver first, as the manual says; a third node learns it from them.
    for (const node of [to, from])
      await onAll(cluster, (one) =>
        one === node ? ["CLUSTER", "SETSLOT", String(slot), "NODE", ids[to] as string] : ["PING"],
      );
    await ear.until(() => ear.interruptions > 0);
    const before = ear.publications.length;
    await repeat(say, () => ear.publications.length > before + 3);
    expect(await ownerOf(cluster, slot)).toBe(to);
  },
  SLOW_TEST_MS,
);

test.concurrent(
  "a node that dies and comes back is heard again, without a storm of questions meanwhile",
  async () => {
    await using cluster = await startRedis({ mode: "cluster" });
    await using world = await start(cluster);
    const { ear, worker, gateway } = world;
    const other = Array.from({ length: 32 }, (_, partition) => partition);
    for (const partition of other) await ear.member.join("acme", "room", TOPIC, partition);
    const dead = await ownerOf(cluster, slotOf(PARTITION));
    await cluster.kill("SIGKILL", dead);
    await ear.until(() => ear.interruptions > 0);
    let number = 0;
    const say = () => worker.backplane.publish(publicationOf("room", ++number));
    const began = performance.now();
    while (performance.now() - began < 3_000) {
      say();
      await Bun.sleep(20);
    }
    expect(ear.interruptions).toBeLessThan(60);
    await cluster.start(dead);
    const before = ear.publications.length;
    await repeat(say, () => ear.publications.length > before);
    await repeat(say, () => gateway.backplane.problem() === undefined);
  },
  SLOW_TEST_MS,
);
