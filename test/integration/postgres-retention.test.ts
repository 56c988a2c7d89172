import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import { batchOf, codeOf, placed, range, TOPIC } from "../conformance/message-store-kit.ts";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";

let schema: TemporarySchema;
let store: PostgresMessageStore;
const telemetry = createMemoryTelemetry();

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
  store = await schema.open({ telemetry });
});
afterEach(() => emptyStore(schema));
afterAll(async () => {
  await store.close();
  await schema.dispose();
});

const rule = { tenant: "acme", batchesMax: 2, windowOffsets: 0 };

/** The database's clock now. */
async function now(): Promise<number> {
  const [{ ms }]: [{ ms: number }] = await schema.database.use(
    (session) => session`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms`,
  );
  return ms;
}

async function rows(table: string): Promise<number> {
  const [{ count }]: [{ count: number }] = await schema.database.use((session) =>
    session.unsafe(`SELECT count(*)::int AS count FROM ${table}`),
  );
  return count;
}

/** Ten batches of one event each; what comes back is the time between the sixth and the seventh. */
async function seedTen(): Promise<number> {
  await store.acquire(TOPIC);
  let middle = 0;
  for (let offset = 0; offset < 10; offset++) {
    if (offset === 6) middle = await now();
    await store.commit(batchOf([placed(offset)]));
  }
  return middle;
}

test("what is over can no longer be read, and the floor says so", async () => {
  const storedBefore = await seedTen();
  expect((await store.expire(TOPIC, { ...rule, storedBefore })).events).toBe(6);
  const page = await store.history(range());
  expect({ floor: page.floor, seq: page.seq }).toEqual({ floor: 7, seq: 10 });
  expect(page.events.map(({ seq }) => seq)).toEqual([7, 8, 9, 10]);
  expect((await store.heads("acme", ["general"])).get("general")?.floor).toBe(7);
  const feed = await store.feed(TOPIC, 0, 100);
  expect(feed.events.map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
  expect([await rows("runs"), await rows("batches"), await rows("id_blocks")]).toEqual([4, 4, 4]);
  expect(telemetry.value("tidegate_store_expired_events_total")).toBe(6);
});

test("a second time there is nothing left to remove", async () => {
  const storedBefore = await seedTen();
  await store.expire(TOPIC, { ...rule, storedBefore });
  expect((await store.expire(TOPIC, { ...rule, storedBefore })).events).toBe(0);
});

test("a conversation without events keeps its head, and goes on behind it", async () => {
  await seedTen();
  expect((await store.expire(TOPIC, { ...rule, storedBefore: await now() })).events).toBe(10);
  expect(await store.history(range())).toEqual({ epoch: "e1", seq: 10, floor: 11, events: [] });
  expect(await codeOf(store.commit(batchOf([placed(10)])))).toBe("resolved");
  // Also for a process that does not have it in memory.
  const other = await schema.open();
  try {
    const { ownerEpoch } = await other.acquire(TOPIC);
    expect(await codeOf(other.commit(batchOf([placed(11)], { ownerEpoch })))).toBe("resolved");
    expect((await other.history(range())).events.map(({ seq }) => seq)).toEqual([11, 12]);
  } finally {
    await other.close();
  }
});

test("within the window the ids stay while the texts go, and go later", async () => {
  await seedTen();
  const storedBefore = await now();
  expect((await store.expire(TOPIC, { ...rule, storedBefore, windowOffsets: 4 })).events).toBe(10);
  expect((await store.window(TOPIC, 0)).map(({ offset }) => offset)).toEqual([6, 7, 8, 9]);
  expect((await store.findIds(TOPIC, [placed(7).id, placed(2).id])).size).toBe(1);
  expect((await store.history(range())).events).toEqual([]);
  expect((await store.feed(TOPIC, 0, 100)).events).toEqual([]);
  expect((await store.expire(TOPIC, { ...rule, storedBefore })).events).toBe(0);
  expect([await rows("runs"), await rows("batches"), await rows("id_blocks")]).toEqual([0, 0, 0]);
});

test("a tenant whose time is longer keeps its events in the same batch", async () => {
  await store.acquire(TOPIC);
  const events = [placed(0), placed(1, { tenant: "umbrella", seq: 1 }), placed(2, { seq: 2 })];
  await store.commit(batchOf(events));
  const storedBefore = await now();
  expect((await store.expire(TOPIC, { ...rule, storedBefore })).events).toBe(2);
  const page = await store.history(range({ tenant: "umbrella" }));
  expect(page.events.map(({ event }) => event)).toEqual([placed(1).event]);
  expect((await store.findIds(TOPIC, [placed(1).id])).size).toBe(1);
  expect((await store.expire(TOPIC, { ...rule, tenant: "umbrella", storedBefore })).events).toBe(1);
  expect(await rows("batches")).toBe(0);
});

test("processes that expire at once do not hinder each other or those that store", async () => {
  const storedBefore = await seedTen();
  const removed = await Promise.all([
    store.expire(TOPIC, { ...rule, storedBefore, batchesMax: 1 }).then(({ events }) => events),
    store.expire(TOPIC, { ...rule, storedBefore, batchesMax: 1 }).then(({ events }) => events),
    store.commit(batchOf([placed(10)])).then(() => 0),
  ]);
  // One that finds the other at work leaves the rest to it.
  expect(removed.reduce((sum, events) => sum + events)).toBeLessThanOrEqual(6);
  await store.expire(TOPIC, { ...rule, storedBefore });
  expect((await store.history(range())).floor).toBe(7);
  expect((await store.history(range())).seq).toBe(11);
});

test("without a tenant what is over goes for all of them", async () => {
  await store.acquire(TOPIC);
  const events = [placed(0), placed(1, { tenant: "umbrella", seq: 1 }), placed(2, { seq: 2 })];
  await store.commit(batchOf(events));
  const storedBefore = await now();
  await store.commit(batchOf([placed(3, { seq: 3 })]));
  const all = { batchesMax: 2, windowOffsets: 0, storedBefore };
  const { events: removed, oldestAt } = await store.expire(TOPIC, all);
  expect(removed).toBe(3);
  expect(oldestAt).toBeGreaterThanOrEqual(storedBefore);
  expect((await store.history(range())).floor).toBe(3);
  expect((await store.history(range({ tenant: "umbrella" }))).floor).toBe(2);
});

test("whoever pauses may end it, and a later call goes on from there", async () => {
  const storedBefore = await seedTen();
  let pauses = 0;
  const ended = await store.expire(TOPIC, { ...rule, storedBefore }, () => {
    pauses++;
    return Promise.resolve(pauses < 2);
  });
  expect({ events: ended.events, pauses }).toEqual({ events: 4, pauses: 2 });
  expect((await store.expire(TOPIC, { ...rule, storedBefore })).events).toBe(2);
});
