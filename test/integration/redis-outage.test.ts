import { expect, test } from "bun:test";
import { until } from "../support/gateway/until.ts";
import { freshPrefix, startRedisProcess } from "../support/redis/backplane.ts";
import { Ear, beatOf, publicationOf, repeat, TOPIC } from "../support/redis/ear.ts";
import { startProxy } from "../support/services/proxy.ts";
import { startRedis } from "../support/services/redis.ts";

const QUICK = { probeIntervalMs: 100, probeTimeoutMs: 400, joinWaitMs: 300 };
const SLOW_TEST_MS = 30_000;

test(
  "everyone is told of an interruption when Redis is killed, and again when it is back and heard",
  async () => {
    await using redis = await startRedis();
    const prefix = freshPrefix();
    await using worker = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await using gateway = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
    const ear = new Ear(gateway.backplane);
    await ear.member.join("acme", "room", TOPIC, 3);
    let number = 0;
    const say = () => worker.backplane.publish(publicationOf("room", ++number));
    await repeat(say, () => ear.publications.length > 0);

    await redis.kill();
    await ear.until(() => ear.interruptions >= 1);
    // While it is away, everything returns at once and joins resolve in bounded time.
    for (let i = 0; i < 100; i++) say();
    worker.backplane.beat(beatOf(number));
    ear.member.askBeat(TOPIC, 3);
    const began = performance.now();
    await ear.member.join("acme", "other", TOPIC, 3);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(gateway.backplane.problem()?.code).toBe("backplane_unavailable");

    await redis.start();
    await ear.until(() => ear.interruptions >= 2);
    const before = ear.runs.length;
    await repeat(
      () => worker.backplane.publish(publicationOf("other", ++number)),
      () => ear.runs.slice(before).some(({ conversation }) => conversation === "other"),
    );
    expect(gateway.backplane.problem()).toBeUndefined();
    expect(
      worker.telemetry.value("tidegate_backplane_dropped_total", { reason: "away" }),
    ).toBeGreaterThanOrEqual(100);
  },
  SLOW_TEST_MS,
);

test(
  "a Redis that stands still is noticed by the probe, and what it holds back is bounded and dropped",
  async () => {
    await using redis = await startRedis();
    const prefix = freshPrefix();
    const limits = { ...QUICK, backplaneOutBytesMax: 100_000 };
    await using worker = startRedisProcess({ url: redis.url, prefix }, limits);
    await using gateway = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
    const ear = new Ear(gateway.backplane);
    await ear.member.join("acme", "room", TOPIC, 3);

    await redis.pause();
    const began = performance.now();
    const events = [`{"text":"${"x".repeat(1_000)}"}`];
    let number = 0;
    while (worker.telemetry.value("tidegate_backplane_dropped_total", { reason: "full" }) === 0) {
      worker.backplane.publish(publicationOf("room", ++number, { events }));
      expect(worker.telemetry.value("tidegate_backplane_waiting_characters")).toBeLessThanOrEqual(
        limits.backplaneOutBytesMax,
      );
      expect(number).toBeLessThan(1_000);
    }
    await ear.until(() => ear.interruptions > 0);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(gateway.backplane.problem()?.message).toContain("REDIS_URL");

    await redis.resume();
    await ear.until(() => ear.interruptions >= 2);
    const before = ear.publications.length;
    await repeat(
      () => worker.backplane.publish(publicationOf("room", ++number)),
      () => ear.publications.length > before,
    );
    expect(
      gateway.telemetry.distribution("tidegate_backplane_probe_seconds")?.count,
    ).toBeGreaterThan(0);
    expect(gateway.telemetry.value("tidegate_backplane_reconnects_total")).toBeGreaterThan(0);
  },
  SLOW_TEST_MS,
);

test(
  "a connection that only one side believes in is replaced, and its channels are heard again",
  async () => {
    await using redis = await startRedis();
    const [host, port] = (redis.nodes[0] as string).split(":") as [string, string];
    await using proxy = await startProxy({ host, port: Number(port) });
    const prefix = freshPrefix();
    await using worker = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await using gateway = startRedisProcess({ url: `redis://${proxy.address}`, prefix }, QUICK);
    await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
    const ear = new Ear(gateway.backplane);
    await ear.member.join("acme", "room", TOPIC, 3);
    proxy.stall();
    await ear.until(() => ear.interruptions >= 1);
    await proxy.heal();
    await ear.until(() => ear.interruptions >= 2);
    let number = 0;
    await repeat(
      () => worker.backplane.publish(publicationOf("room", ++number)),
      () => ear.publications.length > 0,
    );
    expect(ear.runs[0]?.conversation).toBe("room");
  },
  SLOW_TEST_MS,
);

test(
  "who joins while Redis was never there hears once it is, and is told to check",
  async () => {
    await using redis = await startRedis();
    await redis.kill();
    const prefix = freshPrefix();
    await using gateway = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await using worker = startRedisProcess({ url: redis.url, prefix }, QUICK);
    const ear = new Ear(gateway.backplane);
    await ear.member.join("acme", "room", TOPIC, 3);
    expect(ear.interruptions).toBe(0);
    await redis.start();
    await ear.until(() => ear.interruptions > 0);
    let number = 0;
    await repeat(
      () => worker.backplane.publish(publicationOf("room", ++number)),
      () => ear.publications.length > 0,
    );
  },
  SLOW_TEST_MS,
);

const refusal = {
  tenant: "acme",
  user: "ana",
  conversation: "room",
  key: "k",
  message: "m",
  code: "key_conflict",
  origin: `${TOPIC}/3/7`,
};
const REPEAT = { ...QUICK, refusalRepeatMs: 1_500 };

test(
  "a refusal of a time without Redis is heard once Redis is back, and is kept no longer",
  async () => {
    await using redis = await startRedis();
    const prefix = freshPrefix();
    await using worker = startRedisProcess({ url: redis.url, prefix }, REPEAT);
    await using gateway = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
    const ear = new Ear(gateway.backplane);
    ear.member.joinUser("acme", "ana");
    await ear.member.join("acme", "room", TOPIC, 3);
    await redis.kill();
    await ear.until(() => ear.interruptions >= 1);
    const kept = () => worker.telemetry.value("tidegate_backplane_refusals_kept");
    worker.backplane.refuse(refusal);
    expect(kept()).toBe(1);

    await redis.start();
    await ear.until(() => ear.refusals.length > 0);
    expect(ear.refusals[0]).toEqual(refusal);
    await until("it is kept no longer", () => kept() === 0);
    expect(worker.telemetry.value("tidegate_backplane_refusals_dropped_total")).toBe(0);
  },
  SLOW_TEST_MS,
);

test(
  "a refusal that a frozen Redis never answers for is said again to the one that is there after it",
  async () => {
    await using redis = await startRedis();
    const prefix = freshPrefix();
    await using worker = startRedisProcess({ url: redis.url, prefix }, REPEAT);
    await using gateway = startRedisProcess({ url: redis.url, prefix }, QUICK);
    await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
    const ear = new Ear(gateway.backplane);
    ear.member.joinUser("acme", "ana");
    await ear.member.join("acme", "room", TOPIC, 3);
    await redis.pause();
    worker.backplane.refuse(refusal);
    await until("the worker has given its connection up", () => !!worker.backplane.problem());
    await ear.until(() => ear.interruptions >= 1);
    await redis.kill();
    await redis.start();
    await ear.until(() => ear.refusals.length > 0);
    expect(ear.refusals[0]).toEqual(refusal);
    const kept = () => worker.telemetry.value("tidegate_backplane_refusals_kept");
    await until("it is kept no longer", () => kept() === 0);
  },
  SLOW_TEST_MS,
);

test(
  "a gateway that alone had lost Redis hears a refusal of that time",
  async () => {
    await using redis = await startRedis();
    const [host, port] = (redis.nodes[0] as string).split(":") as [string, string];
    await using proxy = await startProxy({ host, port: Number(port) });
    const prefix = freshPrefix();
    await using worker = startRedisProcess({ url: redis.url, prefix }, REPEAT);
    await using gateway = startRedisProcess({ url: `redis://${proxy.address}`, prefix }, QUICK);
    await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
    const ear = new Ear(gateway.backplane);
    ear.member.joinUser("acme", "ana");
    await ear.member.join("acme", "room", TOPIC, 3);
    await proxy.cut();
    await ear.until(() => ear.interruptions >= 1);
    worker.backplane.refuse(refusal);
    await proxy.heal();
    await ear.until(() => ear.refusals.length > 0);
    expect(ear.refusals).toEqual([refusal]);
  },
  SLOW_TEST_MS,
);

test(
  "a process that ends its backplane keeps no connection",
  async () => {
    await using redis = await startRedis();
    const { backplane } = startRedisProcess({ url: redis.url, prefix: freshPrefix() }, QUICK);
    await backplane.opened();
    const ear = new Ear(backplane);
    await ear.member.join("acme", "room", TOPIC, 3);
    await backplane.close();
    await redis.when(0, ["CLIENT", "LIST"], /^(?![^]*name=tidegate)/);
  },
  SLOW_TEST_MS,
);
