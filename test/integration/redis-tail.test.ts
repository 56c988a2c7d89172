import { expect, test } from "bun:test";
import { startDeliveryPool } from "../../consumers/delivery/pool.ts";
import { createApp } from "../../gateway/app.ts";
import { Gateway } from "../../gateway/gateway.ts";
import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../src/adapters/memory/message-store.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { limitsWith } from "../../src/limits.ts";
import { FakeSocket } from "../support/gateway/memory-gateway.ts";
import { say } from "../support/gateway/sending.ts";
import { freshPrefix, startRedisProcess } from "../support/redis/backplane.ts";
import { startRedis } from "../support/services/redis.ts";

const ROOM = "room";
const EVERY_MS = 25;
const SLOW_TEST_MS = 60_000;

type Redis = Awaited<ReturnType<typeof startRedis>>;

/** A gateway and a delivery pool as two processes: a log and a store in memory, Redis between them. */
async function start(redis: Redis) {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const limits = limitsWith();
  const telemetry = createMemoryTelemetry();
  const log = createMemoryEventLog({ clock, random });
  const catalog = await createMemoryTenantCatalog({
    log,
    partitions: 2,
    retentionMs: 3_600_000,
    retentionBytes: undefined,
  });
  await catalog.place("acme");
  const store = new MemoryMessageStore();
  const shared = { log, store, catalog, clock, random, limits, telemetry };
  const prefix = freshPrefix();
  const [mine, theirs] = [0, 1].map(() => startRedisProcess({ url: redis.url, prefix })) as [
    ReturnType<typeof startRedisProcess>,
    ReturnType<typeof startRedisProcess>,
  ];
  await Promise.all([mine.backplane.opened(), theirs.backplane.opened()]);
  const pool = await startDeliveryPool({ ...shared, backplane: theirs.backplane, member: "pool" });
  const gateway = new Gateway({
    ...shared,
    backplane: mine.backplane,
    sharedLimits: mine.backplane.sharedLimits,
    authenticator: {
      authenticate: (user) =>
        Promise.resolve({
          tenant: "acme",
          user,
          capabilities: { "*": ["send", "history", "subscribe"] },
          expiresAt: undefined,
        }),
    },
    digest: createSystemDigest(),
    name: "gateway/test",
  });
  const app = createApp({
    gateway,
    originAllowed: () => true,
    problem: (error) => new Response(error.code),
    routes: [],
  });
  return {
    telemetry,
    async connect(user: string): Promise<FakeSocket> {
      const socket = new FakeSocket(app);
      socket.connection = app.sockets.open(socket);
      await socket.client.ask("connect", { token: user });
      return socket;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await gateway.drain();
      await pool.close();
      await mine.backplane.close();
      await theirs.backplane.close();
      await log.close();
    },
  };
}

/** Ms between each event and the one before it at a reader. */
class Pauses {
  #last = performance.now();
  longest = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(count: () => number) {
    let known = count();
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (count() > known) {
        known = count();
        this.#last = now;
      }
      this.longest = Math.max(this.longest, now - this.#last);
    }, 5);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function chatThrough(
  outage: (redis: Redis, during: (count: number) => Promise<void>) => Promise<void>,
): Promise<{ readonly pauseMs: number; readonly tailed: number }> {
  await using redis = await startRedis();
  await using world = await start(redis);
  const [ana, bo] = [await world.connect("ana"), await world.connect("bo")];
  await bo.client.ask("subscribe", { conversation: ROOM });
  let sent = 0;
  const sendSome = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const receipt = await say(ana.client, ROOM, `message ${++sent}`);
      expect(receipt.durability).toBeDefined();
      await Bun.sleep(EVERY_MS);
    }
  };
  const all = () => bo.client.seqs(ROOM).length === sent;
  await sendSome(10);
  await bo.client.until("all is there before the outage", all);
  const pauses = new Pauses(() => bo.client.seqs(ROOM).length);
  await outage(redis, sendSome);
  await sendSome(20);
  await bo.client.until("all is there after the outage", all);
  pauses.stop();
  // Each once, in order, whichever way it came.
  expect(bo.client.seqs(ROOM)).toEqual(Array.from({ length: sent }, (_, i) => i + 1));
  expect(bo.client.pushes("reset")).toHaveLength(1);
  const tailed = world.telemetry.value("tidegate_relay_tailed_events_total") ?? 0;
  return { pauseMs: pauses.longest, tailed };
}

test(
  "readers go on within a second when Redis is killed, and have each message once when it is back",
  async () => {
    const { pauseMs, tailed } = await chatThrough(async (redis, during) => {
      await redis.kill();
      await during(100);
      await redis.start();
      await during(40);
    });
    expect(pauseMs).toBeLessThan(1_000);
    expect(tailed).toBeGreaterThan(50);
  },
  SLOW_TEST_MS,
);

test(
  "readers go on after the beats of a frozen Redis are missed, and have each message once",
  async () => {
    const { pauseMs, tailed } = await chatThrough(async (redis, during) => {
      await redis.pause();
      await during(160);
      await redis.resume();
      await during(40);
    });
    // One beat and a little is waited for, then one look into the store.
    expect(pauseMs).toBeLessThan(3_000);
    expect(tailed).toBeGreaterThan(10);
  },
  SLOW_TEST_MS,
);

test(
  "who subscribes while Redis is away reads on from the store",
  async () => {
    await using redis = await startRedis();
    await using world = await start(redis);
    const ana = await world.connect("ana");
    for (let i = 1; i <= 5; i++) await say(ana.client, ROOM, `message ${i}`);
    await ana.client.ask("subscribe", { conversation: ROOM, tail: 5 });
    await ana.client.until("what was said", () => ana.client.seqs(ROOM).length === 5);
    await redis.kill();
    const bo = await world.connect("bo");
    await bo.client.ask("subscribe", { conversation: ROOM, tail: 5 });
    await say(ana.client, ROOM, "message 6");
    await bo.client.until("what is said", () => bo.client.seqs(ROOM).length === 6);
    expect(bo.client.seqs(ROOM)).toEqual([1, 2, 3, 4, 5, 6]);
  },
  SLOW_TEST_MS,
);
