import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { startAuditor, type Auditor } from "../../../consumers/auditor/auditor.ts";
import { startDeliveryPool, type DeliveryPool } from "../../../consumers/delivery/pool.ts";
import { isPlacedIn, locateIn } from "../../../consumers/locate.ts";
import { createMemoryBackplane } from "../../../src/adapters/memory/backplane.ts";
import {
  createMemoryEventLog,
  type MemoryEventLog,
} from "../../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../../src/adapters/memory/message-store.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { TenantCatalog } from "../../../src/ports/tenant-catalog.ts";
import { NO_TENANT_LIMITS, recordKey, type Placement } from "../../../src/tenants.ts";
import { poolTopic } from "../../../src/topics.ts";
import { encodeMessageRecord, recordTemplate, type LogRecord } from "../../../src/wire/record.ts";
import { until } from "../../support/gateway/until.ts";

const TOPIC = "chat.pool.1";
const shared: Placement = { topic: TOPIC, shared: true, partitions: 1 };

function record(tenant: string, key: string, id: string): LogRecord {
  const template = recordTemplate({
    tenant,
    conversation: "general",
    sender: "ana",
    key,
    source: "test",
  });
  return encodeMessageRecord(template, {
    key: id,
    id: `${id}.scope`,
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: "{}",
    fingerprint: "f",
  });
}

describe("locateIn", () => {
  test("takes the tenant of a shared topic's record from before the first slash of its key", () => {
    const locate = locateIn(TOPIC);
    expect(locate("acme/general")).toEqual({ tenant: "acme", conversation: "general" });
    expect(locate("acme/a/b é")).toEqual({ tenant: "acme", conversation: "a/b é" });
    for (const key of ["acme", "/general", "acme/", "ACME/general", "a.b/general", "acme/a\u0000"])
      expect([key, locate(key)]).toEqual([key, undefined]);
  });

  test("takes the whole key of a tenant's own topic as the conversation", () => {
    expect(locateIn("chat.messages.acme")("rival/general")).toEqual({
      tenant: "acme",
      conversation: "rival/general",
    });
  });

  test("refuses a topic that is no tenant's", () => {
    expect(() => locateIn("delivery.dlq")).toThrow("no topic of a tenant");
    expect(() => locateIn("chat.pool.0")).toThrow("no topic of a tenant");
  });

  test("asks for a placement in shared topics only", async () => {
    const catalog = { find: () => Promise.resolve(shared) };
    expect(isPlacedIn("chat.messages.acme", catalog)).toBeUndefined();
    expect(await isPlacedIn(TOPIC, catalog)?.("acme")).toBe(true);
    expect(await isPlacedIn("chat.pool.2", catalog)?.("acme")).toBe(false);
  });
});

describe("a topic that tenants share", () => {
  let log: MemoryEventLog;
  let store: MemoryMessageStore;
  let pool: DeliveryPool;
  let auditor: Auditor;
  let placements: Map<string, Placement>;
  let asked: string[];
  const telemetry = createMemoryTelemetry();

  beforeEach(async () => {
    const clock = createSystemClock();
    const random = createSystemRandom();
    const limits = limitsWith();
    log = createMemoryEventLog({ clock, random });
    store = new MemoryMessageStore();
    asked = [];
    placements = new Map([
      ["acme", shared],
      ["ben", shared],
      ["rival", { topic: "chat.messages.rival", shared: false, partitions: 1 }],
    ]);
    const catalog: TenantCatalog = {
      place: () => Promise.reject(new Error("no gateway is here")),
      find(tenant) {
        asked.push(tenant);
        return Promise.resolve(placements.get(tenant));
      },
      serves: () => true,
      isGone: () => false,
      limits: () => NO_TENANT_LIMITS,
      topics: () => [TOPIC],
      watch: () => () => undefined,
      close: () => Promise.resolve(),
    };
    await log.createTopic({ ...poolTopic(1), partitions: 1 });
    const parts = { member: "one", log, store, catalog, clock, random, limits, telemetry };
    pool = await startDeliveryPool({ ...parts, backplane: createMemoryBackplane() });
    auditor = await startAuditor(parts);
  });
  afterEach(async () => {
    await auditor.close();
    await pool.close();
    await log.close();
  });

  const key = (tenant: string) => recordKey(shared, tenant, "general");
  const stored = async () => (await store.offsets())[0]?.nextOffset ?? 0;
  const head = async (tenant: string) => (await store.heads(tenant, ["general"])).get("general");

  test("has its tenants' records placed, and those of others kept as dead letters", async () => {
    await log.append(TOPIC, 0, [
      record("acme", key("acme"), "a1"),
      record("rival", key("rival"), "r1"),
      record("ben", key("ben"), "b1"),
      record("acme", "general", "a2"),
      record("nobody", key("nobody"), "n1"),
      record("acme", key("acme"), "a3"),
    ]);
    await until("all is stored", async () => (await stored()) === 6);
    expect((await head("acme"))?.seq).toBe(2);
    expect((await head("ben"))?.seq).toBe(1);
    expect(await head("rival")).toBeUndefined();
    expect(await head("nobody")).toBeUndefined();
    const letters = await log.read("delivery.dlq", 0, 0, 10);
    expect(letters.records.map(({ headers }) => headers["reason"])).toEqual([
      "malformed_record",
      "malformed_record",
      "malformed_record",
    ]);
    const audited = () => telemetry.value("tidegate_audit_records_total") ?? 0;
    await until("all is audited", () => audited() >= 6);
    expect(telemetry.value("tidegate_audit_lost_total")).toBe(0);
  });

  test("asks for a tenant again, as it may have been added after it was refused", async () => {
    await log.append(TOPIC, 0, [record("late", key("late"), "l1")]);
    await until("it is refused", async () => (await stored()) === 1);
    expect(await head("late")).toBeUndefined();
    placements.set("late", shared);
    await log.append(TOPIC, 0, [record("late", key("late"), "l2")]);
    await until("it is placed", async () => (await head("late"))?.seq === 1);
    // From then on it is known by its head.
    const before = asked.length;
    await log.append(TOPIC, 0, [record("late", key("late"), "l3")]);
    await until("it is placed", async () => (await head("late"))?.seq === 2);
    expect(asked.length).toBe(before);
  });
});
