import { expect, test } from "bun:test";
import { deliveryFault, startDeliveryPool } from "../../../consumers/delivery/pool.ts";
import { createMemoryBackplane } from "../../../src/adapters/memory/backplane.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../../src/adapters/memory/message-store.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../../src/adapters/memory/tenant-catalog.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import type {
  Consumer,
  ConsumerHandler,
  EventLog,
  TopicInfo,
} from "../../../src/ports/event-log.ts";
import { encodeMessageRecord, recordTemplate } from "../../../src/wire/record.ts";
import { until } from "../../support/gateway/until.ts";

test("a pool that its group has not heard of for a session's time says so, unless there is no topic", async () => {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const limits = limitsWith({ sessionTimeoutMs: 8_000 });
  const memory = createMemoryEventLog({ clock, random });
  let ageMs = Infinity;
  const log: EventLog = Object.assign(Object.create(memory) as EventLog, {
    async consume(options: Parameters<EventLog["consume"]>[0]): Promise<Consumer> {
      const consumer = await memory.consume(options);
      return Object.assign(Object.create(consumer) as Consumer, {
        lastHeartbeat: () => clock.monotonic() - ageMs,
      });
    },
  });
  const catalog = await createMemoryTenantCatalog({
    log: memory,
    partitions: 1,
    retentionMs: 60_000,
    retentionBytes: undefined,
  });
  const pool = await startDeliveryPool({
    member: "one",
    log,
    store: new MemoryMessageStore(),
    backplane: createMemoryBackplane(),
    catalog,
    clock,
    random,
    limits,
    telemetry: createMemoryTelemetry(),
  });
  expect(deliveryFault(pool)).toBeUndefined();
  await catalog.place("acme");
  expect(deliveryFault(pool)).toBe("the consumer group does not know this process");
  ageMs = 7_900;
  expect(deliveryFault(pool)).toBeUndefined();
  ageMs = 8_100;
  expect(deliveryFault(pool)).toBeDefined();
  await pool.close();
  await memory.close();
});

test("a pool counts the partitions that it owns and could not take yet", async () => {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const log = createMemoryEventLog({ clock, random });
  const store = new MemoryMessageStore();
  const away = Promise.withResolvers<void>();
  const acquire = store.acquire.bind(store);
  store.acquire = async (partition) => {
    await away.promise;
    return acquire(partition);
  };
  const catalog = await createMemoryTenantCatalog({
    log,
    partitions: 3,
    retentionMs: 60_000,
    retentionBytes: undefined,
  });
  await catalog.place("acme");
  const pool = await startDeliveryPool({
    member: "one",
    log,
    store,
    backplane: createMemoryBackplane(),
    catalog,
    clock,
    random,
    limits: limitsWith(),
    telemetry: createMemoryTelemetry(),
  });
  await until("all are being taken", () => pool.starting() === 3);
  away.resolve();
  await until("all are taken", () => pool.starting() === 0);
  expect(deliveryFault(pool)).toBeUndefined();
  await pool.close();
  await log.close();
});

const RECORD = encodeMessageRecord(
  recordTemplate({
    tenant: "acme",
    conversation: "general",
    sender: "ana",
    key: "general",
    source: "test",
  }),
  {
    key: "k",
    id: "k.scope",
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: "{}",
    fingerprint: "f",
  },
);

/** A pool of one topic, whose group and log say what the test has them say. */
async function startWith(store = new MemoryMessageStore()) {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const memory = createMemoryEventLog({ clock, random });
  const told: { handler?: ConsumerHandler; heardAt?: number } = {};
  const log: EventLog = Object.assign(Object.create(memory) as EventLog, {
    async consume(options: Parameters<EventLog["consume"]>[0]): Promise<Consumer> {
      told.handler = options.handler;
      const consumer = await memory.consume(options);
      return Object.assign(Object.create(consumer) as Consumer, {
        lastHeartbeat: () => told.heardAt ?? clock.monotonic(),
      });
    },
  });
  const catalog = await createMemoryTenantCatalog({
    log: memory,
    partitions: 1,
    retentionMs: 60_000,
    retentionBytes: undefined,
  });
  const { topic } = await catalog.place("acme");
  const telemetry = createMemoryTelemetry();
  const pool = await startDeliveryPool({
    member: "one",
    log,
    store,
    backplane: createMemoryBackplane(),
    catalog,
    clock,
    random,
    limits: limitsWith(),
    telemetry,
  });
  const close = async () => {
    await pool.close();
    await memory.close();
  };
  const halted = () => telemetry.value("tidegate_delivery_halted_total");
  return { pool, topic, clock, memory, telemetry, close, halted, told };
}

test("a fault of the group is over when the group has heard of the pool again", async () => {
  const { pool, clock, close, told, telemetry } = await startWith();
  told.heardAt = clock.monotonic();
  told.handler?.failed("", -1, new AppError("log_unavailable", "the group is full"));
  expect(deliveryFault(pool)).toBe("the consumer group: log_unavailable: the group is full");
  expect(telemetry.value("tidegate_delivery_partitions_halted")).toBe(1);
  told.heardAt = clock.monotonic() + 1;
  expect(deliveryFault(pool)).toBeUndefined();
  expect(telemetry.value("tidegate_delivery_partitions_halted")).toBe(0);
  await close();
});

test("a fault of a topic is over when records of it come", async () => {
  const { pool, topic, memory, close, told } = await startWith();
  await until("the partition is taken", () => [...pool.positions()].length === 1);
  told.handler?.failed(topic, -1, new AppError("topic_unknown", "it may not be read"));
  expect(deliveryFault(pool)).toBe(`${topic}: topic_unknown: it may not be read`);
  await memory.append(topic, 0, [RECORD]);
  await until("it is over", () => deliveryFault(pool) === undefined);
  await close();
});

test("a fault of a topic is over when a partition of it is taken", async () => {
  const { pool, topic, memory, close, told } = await startWith();
  await until("the partition is taken", () => [...pool.positions()].length === 1);
  told.handler?.failed(topic, -1, new AppError("topic_unknown", "it may not be read"));
  const info = (await memory.describeTopic(topic)) as TopicInfo;
  await told.handler?.assigned(info, 0);
  expect(deliveryFault(pool)).toBeUndefined();
  await close();
});

test("a partition that cannot be taken counts as halted once", async () => {
  const store = new MemoryMessageStore();
  store.acquire = () => Promise.reject(new AppError("log_diverged"));
  const { pool, close, halted, telemetry } = await startWith(store);
  await until("it is halted", () => deliveryFault(pool) !== undefined);
  await until("its consumer has been told", () => pool.starting() === 0);
  await Promise.resolve();
  expect(halted()).toBe(1);
  expect(telemetry.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  await close();
});
