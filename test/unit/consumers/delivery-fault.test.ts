import { expect, test } from "bun:test";
import { deliveryFault, startDeliveryPool } from "../../../consumers/delivery/pool.ts";
import { createMemoryBackplane } from "../../../src/adapters/memory/backplane.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../../src/adapters/memory/message-store.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../../src/adapters/memory/tenant-catalog.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { Consumer, EventLog } from "../../../src/ports/event-log.ts";
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
