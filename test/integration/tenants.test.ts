import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createMemoryEventLog, type MemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { POOL_TENANTS } from "../../src/adapters/postgres/pool-choice.ts";
import { PostgresTenantAdmin } from "../../src/adapters/postgres/tenant-admin.ts";
import { createPostgresTenantCatalog } from "../../src/adapters/postgres/tenant-catalog.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { AppError } from "../../src/errors.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { createTestDatabase, type TestDatabase } from "../support/cluster/test-database.ts";
import { rejection } from "../support/rejection.ts";

const NEVER_MS = 3_600_000;

let test_: TestDatabase;
let log: MemoryEventLog;
let admin: PostgresTenantAdmin;
const catalogs: TenantCatalog[] = [];

beforeEach(async () => {
  test_ = await createTestDatabase();
  log = createMemoryEventLog({ clock: createSystemClock(), random: createSystemRandom() });
  admin = new PostgresTenantAdmin({
    database: test_.database,
    log,
    retentionMs: 60_000,
    retentionBytes: undefined,
  });
});

afterEach(async () => {
  await Promise.all(catalogs.splice(0).map((catalog) => catalog.close()));
  await test_[Symbol.asyncDispose]();
  await log.close();
});

/** What another process knows, once it knows something. */
async function watching(pollMs: number): Promise<TenantCatalog> {
  const catalog = createPostgresTenantCatalog({
    database: test_.open(),
    clock: createSystemClock(),
    telemetry: createMemoryTelemetry(),
    pollMs,
  });
  catalogs.push(catalog);
  await catalog.refresh();
  return catalog;
}

async function until(catalog: TenantCatalog, holds: () => boolean): Promise<void> {
  if (holds()) return;
  await new Promise<void>((resolve) => {
    const stop = catalog.watch(() => {
      if (!holds()) return;
      stop();
      resolve();
    });
  });
}

describe("a process that runs hears of the catalog's changes", () => {
  test("by a notification, long before it would look", async () => {
    const catalog = await watching(NEVER_MS);
    await admin.add({ name: "acme", plan: "small" });
    await until(catalog, () => catalog.serves("acme"));
    expect(catalog.topics()).toEqual(["chat.messages.acme"]);
  });

  test("by looking, when its notification was lost", async () => {
    const catalog = await watching(50);
    await test_.database.use(async (session) => {
      await session.unsafe("DROP TRIGGER tenants_changed ON tenants");
    });
    await admin.add({ name: "acme", plan: "small" });
    await until(catalog, () => catalog.serves("acme"));
  });

  test("limits and suspension", async () => {
    const catalog = await watching(NEVER_MS);
    await admin.add({ name: "acme", plan: "small" });
    await until(catalog, () => catalog.serves("acme"));
    await admin.setLimits("acme", { sendsPerSecond: 7, sendsBurst: 9 });
    await until(catalog, () => catalog.limits("acme").sendsPerSecond === 7);
    expect(catalog.limits("acme")).toEqual({
      sendsPerSecond: 7,
      sendsBurst: 9,
      connections: 10_000,
    });
    await admin.setStatus("acme", "suspended");
    await until(catalog, () => !catalog.serves("acme"));
    expect(await rejection(catalog.place("acme"))).toMatchObject({
      code: "forbidden",
      message: "the tenant is suspended",
    });
    // What was acked is still to be delivered, and its records are still its own.
    expect(catalog.topics()).toEqual(["chat.messages.acme"]);
    expect((await catalog.find("acme"))?.topic).toBe("chat.messages.acme");
    await admin.setStatus("acme", "active");
    await until(catalog, () => catalog.serves("acme"));
  });
});

describe("a tenant's placement", () => {
  test("is its plan's, with the topic made", async () => {
    const { tenant } = await admin.add({ name: "acme", plan: "small" });
    expect(tenant.placement).toEqual({ topic: "chat.messages.acme", shared: false, partitions: 4 });
    expect((await log.describeTopic("chat.messages.acme"))?.partitions).toBe(4);
  });

  test("is the same shared topic for as many small tenants as fit it", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) {
      const { tenant } = await admin.add({ name, plan: "shared" });
      expect(tenant.placement).toEqual({ topic: "chat.pool.1", shared: true, partitions: 32 });
    }
    expect((await log.describeTopic("chat.pool.1"))?.partitions).toBe(32);
    expect(await log.describeTopic("chat.pool.2")).toBeUndefined();
  });

  test("is the next shared topic once one is full", async () => {
    await test_.database.use(async (session) => {
      await session`
        INSERT INTO tenants (name, plan, topic, shared, partitions, status)
        SELECT 'f' || i, 'shared', 'chat.pool.1', true, 32, 'active'
        FROM generate_series(1, ${POOL_TENANTS}::int) AS i`;
    });
    const { tenant } = await admin.add({ name: "late", plan: "shared" });
    expect(tenant.placement).toEqual({ topic: "chat.pool.2", shared: true, partitions: 32 });
  });

  test("never changes: not by adding again, not behind the program's back, not after removal", async () => {
    await admin.add({ name: "acme", plan: "small" });
    expect((await admin.add({ name: "acme", plan: "small" })).added).toBe(false);
    expect(await rejection(admin.add({ name: "acme", plan: "shared" }))).toMatchObject({
      code: "invalid_command",
    });
    const change = test_.database.use(async (session) => {
      await session`UPDATE tenants SET topic = 'chat.pool.1', shared = true`;
    });
    expect(await rejection(change)).toMatchObject({ code: "row_refused" });
    await admin.beginRemoval("acme");
    await admin.finishRemoval("acme", () => Promise.resolve());
    expect(await rejection(admin.add({ name: "acme", plan: "small" }))).toMatchObject({
      code: "invalid_command",
    });
  });

  test("in a topic that is there with other partitions is refused, and leaves no tenant", async () => {
    await log.createTopic({ name: "chat.messages.acme", partitions: 3, retentionMs: 60_000 });
    expect(await rejection(admin.add({ name: "acme", plan: "small" }))).toMatchObject({
      code: "topic_mismatch",
    });
    expect(await admin.find("acme")).toBeUndefined();
  });
});

test("a removed tenant is neither served nor read, and is known by name", async () => {
  const catalog = await watching(NEVER_MS);
  await admin.add({ name: "acme", plan: "small" });
  const steps: string[] = [];
  await admin.beginRemoval("acme");
  expect(catalog.isGone("acme")).toBe(false);
  await until(catalog, () => !catalog.topics().includes("chat.messages.acme"));
  expect(catalog.isGone("acme")).toBe(true);
  await admin.finishRemoval("acme", (tenant) => {
    steps.push(`rows of ${tenant.name}`);
    return Promise.resolve();
  });
  expect(steps).toEqual(["rows of acme"]);
  expect(await log.describeTopic("chat.messages.acme")).toBeUndefined();
  expect((await admin.get("acme")).status).toBe("removed");
  expect(await rejection(admin.setStatus("acme", "active"))).toMatchObject({ code: "not_found" });
});

test("a name that is no tenant's is refused with the rule", async () => {
  for (const name of ["acme.dlq", "ACME", "a_b", "", "-a", "a--b", "a".repeat(41), "a/b", "ä"]) {
    const error = await rejection(admin.add({ name, plan: "small" }));
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "invalid_command" });
    expect((error as AppError).message).toContain("1 to 40 of a-z and 0-9");
  }
});

test("a tenant with a burst below its rate is refused", async () => {
  await admin.add({ name: "acme", plan: "small" });
  const change = admin.setLimits("acme", { sendsPerSecond: 10, sendsBurst: 9 });
  expect(await rejection(change)).toMatchObject({
    code: "invalid_command",
    message:
      "a burst of 9 is below the rate of 10 a second: take a larger one, or none for twice the rate",
  });
  // The plan's rate counts too.
  const added = admin.add({ name: "other", plan: "small", limits: { sendsBurst: 999 } });
  expect(await rejection(added)).toMatchObject({ code: "invalid_command" });
  expect(await admin.find("other")).toBeUndefined();
});

test("a tenant of any plan can have a higher rate, whose burst rises with it", async () => {
  const { tenant } = await admin.add({
    name: "acme",
    plan: "shared",
    limits: { sendsPerSecond: 5_000 },
  });
  expect(tenant.limits).toEqual({
    sendsPerSecond: 5_000,
    sendsBurst: undefined,
    connections: 1_000,
  });
  const { limits } = await admin.setLimits("acme", { sendsPerSecond: 20_000 });
  expect([limits.sendsPerSecond, limits.sendsBurst]).toEqual([20_000, undefined]);
});
