import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import { batchOf, codeOf, placed, range, TOPIC } from "../conformance/message-store-kit.ts";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";

const OTHER = { ...TOPIC, partition: 1 };

let schema: TemporarySchema;
let store: PostgresMessageStore;
const telemetry = createMemoryTelemetry();

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
  store = await schema.open({ statementTimeoutMs: 1_000, telemetry });
});
afterEach(async () => {
  await run("DROP TRIGGER IF EXISTS fault ON batches");
  await emptyStore(schema);
});
afterAll(async () => {
  await store.close();
  await schema.dispose();
});

async function run(sql: string): Promise<void> {
  await schema.database.use((session) => session.unsafe(sql).simple());
}

/** Whoever stores a batch of that place gets `action`, a statement of PL/pgSQL. */
async function onBatch(action: string, when: "at once" | "at commit" = "at once"): Promise<void> {
  const kind =
    when === "at once"
      ? "TRIGGER fault BEFORE INSERT ON batches"
      : "CONSTRAINT TRIGGER fault AFTER INSERT ON batches DEFERRABLE INITIALLY DEFERRED";
  await run(`
    CREATE OR REPLACE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN ${action}; RETURN NEW; END $$;
    DROP TRIGGER IF EXISTS fault ON batches;
    CREATE ${kind} FOR EACH ROW EXECUTE FUNCTION fault()`);
}

const raise = (state: string): string => `RAISE EXCEPTION 'planted' USING ERRCODE = '${state}'`;

describe("what the database refuses", () => {
  test.each([
    ["disk_full", "53100", "a full disk"],
    ["store_unavailable", "53200", "no memory"],
    ["store_unavailable", "53300", "no connection left"],
    ["store_unavailable", "25006", "a read-only server"],
    ["store_unavailable", "57P01", "a server that shuts down"],
    ["store_unavailable", "40P01", "a deadlock"],
    ["store_unavailable", "58030", "a disk that does not answer"],
    ["row_refused", "22021", "bytes that are no text"],
    ["row_refused", "54000", "a value that is too large"],
  ] as const)("is %s for SQLSTATE %s: %s", async (code, state) => {
    await store.acquire(TOPIC);
    await onBatch(raise(state));
    expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe(code);
    await run("DROP TRIGGER fault ON batches");
    expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe("resolved");
    expect((await store.history(range())).events).toHaveLength(1);
  });

  test("a statement that takes too long is ended, and nothing of its batch is stored", async () => {
    await store.acquire(TOPIC);
    await onBatch("PERFORM pg_sleep(60)");
    expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe("store_unavailable");
    expect(await store.offsets()).toEqual([]);
  });

  test("refused data of one partition does not keep another's batch of the same transaction", async () => {
    await store.acquire(TOPIC);
    await store.acquire(OTHER);
    await onBatch(`IF NEW.events = 2 THEN ${raise("22000")}; END IF`);
    const outcomes = await Promise.all([
      codeOf(store.commit(batchOf([placed(0), placed(1)]))),
      codeOf(store.commit(batchOf([placed(0, { conversation: "x" })], OTHER))),
    ]);
    expect(outcomes).toEqual(["row_refused", "resolved"]);
    expect(await store.offsets()).toEqual([{ ...OTHER, nextOffset: 1 }]);
  });

  test("failed commits are counted by code", async () => {
    await store.acquire(TOPIC);
    await onBatch(raise("53100"));
    const count = (): number =>
      telemetry.value("tidegate_store_commit_failures_total", { code: "disk_full" }) ?? 0;
    const before = count();
    await codeOf(store.commit(batchOf([placed(0)])));
    expect(count()).toBe(before + 1);
  });
});

describe("a connection that ends", () => {
  test("before the commit leaves nothing, and the batch may be repeated", async () => {
    await store.acquire(TOPIC);
    await onBatch("PERFORM pg_terminate_backend(pg_backend_pid())");
    expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe("store_unavailable");
    await run("DROP TRIGGER fault ON batches");
    expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe("resolved");
  });

  test("during the commit leaves the outcome unknown, which the next acquisition tells", async () => {
    await store.acquire(TOPIC);
    await onBatch("PERFORM pg_terminate_backend(pg_backend_pid())", "at commit");
    expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe("unknown_outcome");
    await run("DROP TRIGGER fault ON batches");
    const { ownerEpoch, nextOffset } = await store.acquire(TOPIC);
    expect({ ownerEpoch, nextOffset }).toEqual({ ownerEpoch: 2, nextOffset: 0 });
    expect(await codeOf(store.commit(batchOf([placed(0)], { ownerEpoch })))).toBe("resolved");
  });
});

describe("several owners", () => {
  test("a process that gets a partition back forgets what it knew of its conversations", async () => {
    const other = await schema.open();
    try {
      await store.acquire(TOPIC);
      await store.commit(batchOf([placed(0)]));
      const taken = await other.acquire(TOPIC);
      await other.commit(batchOf([placed(1), placed(2)], { ownerEpoch: taken.ownerEpoch }));
      expect(await codeOf(store.commit(batchOf([placed(1)])))).toBe("fenced");
      const { ownerEpoch, nextOffset } = await store.acquire(TOPIC);
      expect(nextOffset).toBe(3);
      expect(await codeOf(store.commit(batchOf([placed(3, { seq: 2 })], { ownerEpoch })))).toBe(
        "row_refused",
      );
      expect(await codeOf(store.commit(batchOf([placed(3)], { ownerEpoch })))).toBe("resolved");
    } finally {
      await other.close();
    }
  });

  test("a partition that was taken away does not keep the others of the same transaction", async () => {
    await store.acquire(TOPIC);
    await store.acquire(OTHER);
    const other = await schema.open();
    try {
      await other.acquire(TOPIC);
    } finally {
      await other.close();
    }
    const outcomes = await Promise.all([
      codeOf(store.commit(batchOf([placed(0)]))),
      codeOf(store.commit(batchOf([placed(0, { conversation: "x" })], OTHER))),
    ]);
    expect(outcomes).toEqual(["fenced", "resolved"]);
  });

  test("many processes store new tenants and conversations side by side", async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => schema.open()));
    try {
      const outcomes = await Promise.all(
        Array.from({ length: 32 }, async (_, partition) => {
          const owner = stores[partition % stores.length] as PostgresMessageStore;
          await owner.acquire({ ...TOPIC, partition });
          // Every partition meets the same tenants, in another order.
          const events = Array.from({ length: 20 }, (_, i) =>
            placed(i, {
              tenant: `tenant-${(i * 7 + partition) % 20}`,
              conversation: `room-${partition}`,
              seq: 1,
            }),
          );
          return codeOf(owner.commit(batchOf(events, { partition })));
        }),
      );
      expect(outcomes.filter((outcome) => outcome !== "resolved")).toEqual([]);
      const heads = await store.heads("tenant-3", ["room-0", "room-31"]);
      expect([...heads.keys()]).toEqual(["room-0", "room-31"]);
    } finally {
      await Promise.all(stores.map((each) => each.close()));
    }
  });
});
