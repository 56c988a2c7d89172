import { expect, test } from "bun:test";
import { freshPrefix, startRedisProcess } from "../support/redis/backplane.ts";
import { Ear, publicationOf, repeat, TOPIC } from "../support/redis/ear.ts";
import { startRedis } from "../support/services/redis.ts";

const QUICK = { probeIntervalMs: 200, probeTimeoutMs: 1_000, joinWaitMs: 300 };
const SLOW_TEST_MS = 60_000;

async function start(redis: Awaited<ReturnType<typeof startRedis>>) {
  const url = `redis+sentinel://${redis.nodes.slice(2).join(",")}/tidegate`;
  const prefix = freshPrefix();
  const worker = startRedisProcess({ url, prefix }, QUICK);
  const gateway = startRedisProcess({ url, prefix }, QUICK);
  await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
  const ear = new Ear(gateway.backplane);
  await ear.member.join("acme", "room", TOPIC, 3);
  let number = 0;
  const say = () => worker.backplane.publish(publicationOf("room", ++number));
  await repeat(say, () => ear.publications.length > 0);
  return {
    ear,
    say,
    gateway,
    async [Symbol.asyncDispose]() {
      await worker.backplane.close();
      await gateway.backplane.close();
    },
  };
}

// Concurrent: each waits for servers of its own most of the time.
test.concurrent(
  "a master that is killed is followed by the one that Sentinel makes",
  async () => {
    await using redis = await startRedis({ mode: "sentinel" });
    await using world = await start(redis);
    const { ear, say } = world;
    await redis.kill("SIGKILL", 0);
    await ear.until(() => ear.interruptions > 0);
    const before = ear.publications.length;
    await repeat(say, () => ear.publications.length > before);
    await redis.when(1, ["INFO", "replication"], /role:master/);
  },
  SLOW_TEST_MS,
);

test.concurrent(
  "a master that freezes is left for the new one, and not gone back to as a replica",
  async () => {
    await using redis = await startRedis({ mode: "sentinel" });
    await using world = await start(redis);
    const { ear, say, gateway } = world;
    await redis.pause(0);
    await ear.until(() => ear.interruptions > 0);
    let before = ear.publications.length;
    await repeat(say, () => ear.publications.length > before);
    await redis.resume(0);
    await redis.when(0, ["INFO", "replication"], /role:slave/);
    before = ear.publications.length;
    await repeat(say, () => ear.publications.length > before + 20);
    expect(gateway.backplane.problem()).toBeUndefined();
  },
  SLOW_TEST_MS,
);

test.concurrent(
  "a failover in good order is followed, though the old master goes on answering",
  async () => {
    await using redis = await startRedis({ mode: "sentinel" });
    await using world = await start(redis);
    const { ear, say } = world;
    await redis.when(2, ["SENTINEL", "FAILOVER", "tidegate"], /OK/);
    await redis.when(1, ["INFO", "replication"], /role:master/);
    await redis.when(0, ["INFO", "replication"], /role:slave/);
    await ear.until(() => ear.interruptions > 0);
    const before = ear.publications.length;
    await repeat(say, () => ear.publications.length > before);
  },
  SLOW_TEST_MS,
);
