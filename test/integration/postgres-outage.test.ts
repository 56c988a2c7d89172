import { expect, test } from "bun:test";
import { type ReservedSQL, SQL } from "bun";
import { limitsWith } from "../../src/limits.ts";
import type { MessageStore } from "../../src/ports/message-store.ts";
import { batchOf, codeOf, placed, range, TOPIC } from "../conformance/message-store-kit.ts";
import { createTemporarySchema } from "../support/postgres-store.ts";
import { type Postgres, startPostgres, usePostgres } from "../support/services/postgres.ts";
import { startProxy } from "../support/services/proxy.ts";

const TIMES = { connectTimeoutMs: 1_000, statementTimeoutMs: 1_000 } as const;
/** What a call may take when nothing answers: a connection's time, all statements of a commit, and some slack. */
const CALL_MS_MAX = 8_000;
const TIMEOUT_MS = 90_000;

async function timed<T>(promise: Promise<T>): Promise<{ value: T; ms: number }> {
  const started = performance.now();
  const value = await promise;
  return { value, ms: performance.now() - started };
}

/** Tries until the store takes it, as a worker does. */
async function untilResolved(call: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const code = await codeOf(call());
    if (code === "resolved") return;
    if (performance.now() > deadline) throw new Error(`still ${code}`);
    await Bun.sleep(50);
  }
}

/** One event after the other: a setting reaches a session only between two of its statements. */
async function commitUntilRefused(
  store: MessageStore,
  ownerEpoch: number,
  from: number,
): Promise<{ code: string; offset: number }> {
  for (let offset = from; ; offset++) {
    const code = await codeOf(store.commit(batchOf([placed(offset)], { ownerEpoch })));
    if (code !== "resolved") return { code, offset };
  }
}

/** Takes connections until there is none. */
async function holdAll(sql: SQL): Promise<ReservedSQL[]> {
  const held: ReservedSQL[] = [];
  for (;;) {
    try {
      held.push(await sql.reserve({ signal: AbortSignal.timeout(500) }));
    } catch {
      return held;
    }
  }
}

const text = `{"text":"${"x".repeat(300)}"}`;

async function setting(postgres: Postgres, sql: string): Promise<void> {
  const admin = new SQL(postgres.url, { max: 1 });
  try {
    await admin.unsafe(sql);
    await admin`SELECT pg_reload_conf()`;
  } finally {
    await admin.close();
  }
}

test(
  "a killed database refuses as retriable at once, keeps all that was committed, and is used again when it is back",
  async () => {
    await using postgres = await startPostgres();
    const schema = await createTemporarySchema(postgres.url);
    const store = await schema.open(TIMES);
    try {
      await store.acquire(TOPIC);
      await store.commit(batchOf([placed(0), placed(1)]));
      await postgres.kill();
      const commit = await timed(codeOf(store.commit(batchOf([placed(2, { event: text })]))));
      const read = await timed(codeOf(store.history(range())));
      expect([commit.value, read.value]).toEqual(["store_unavailable", "store_unavailable"]);
      expect(Math.max(commit.ms, read.ms)).toBeLessThan(CALL_MS_MAX);
      await postgres.start();
      await untilResolved(() => store.commit(batchOf([placed(2, { event: text })])));
      expect((await store.history(range())).events.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    } finally {
      await store.close();
      await schema.dispose();
    }
  },
  TIMEOUT_MS,
);

test(
  "commits under way when the database is killed are stored whole or not at all, and none that resolved is lost",
  async () => {
    await using postgres = await startPostgres();
    const schema = await createTemporarySchema(postgres.url);
    const store = await schema.open(TIMES);
    const partitions = Array.from({ length: 8 }, (_, partition) => partition);
    const resolved = partitions.map(() => 0);
    const size = 50;
    const batch = (partition: number, at: number, ownerEpoch: number) =>
      batchOf(
        Array.from({ length: size }, (_, i) =>
          placed(at + i, { conversation: `room-${partition}`, event: text }),
        ),
        { partition, ownerEpoch },
      );
    try {
      const commitUntilDown = async (partition: number): Promise<void> => {
        const { ownerEpoch } = await store.acquire({ ...TOPIC, partition });
        for (let at = 0; ; at += size) {
          const code = await codeOf(store.commit(batch(partition, at, ownerEpoch)));
          if (code !== "resolved") {
            expect(["store_unavailable", "unknown_outcome"]).toContain(code);
            return;
          }
          resolved[partition] = at + size;
          if (partition === 0 && at === 10 * size) await postgres.kill();
        }
      };
      await Promise.all(partitions.map(commitUntilDown));
      await postgres.start();
      await untilResolved(() => store.offsets());
      for (const partition of partitions) {
        const { nextOffset, ownerEpoch } = await store.acquire({ ...TOPIC, partition });
        expect(nextOffset).toBeGreaterThanOrEqual(resolved[partition] as number);
        expect(nextOffset % size).toBe(0);
        await store.commit(batch(partition, nextOffset, ownerEpoch));
        const head = (await store.heads("acme", [`room-${partition}`])).get(`room-${partition}`);
        expect(head?.seq).toBe(nextOffset + size);
      }
    } finally {
      await store.close();
      await schema.dispose();
    }
  },
  TIMEOUT_MS,
);

test(
  "a commit that was applied while its answer was lost is an unknown outcome, and the next acquisition has it",
  async () => {
    await using postgres = await startPostgres();
    const schema = await createTemporarySchema(postgres.url);
    // The server commits, and then waits for a standby that is not there.
    const store = await schema.open(TIMES);
    try {
      const { ownerEpoch } = await store.acquire(TOPIC);
      await store.commit(batchOf([placed(0)], { ownerEpoch }));
      await setting(postgres, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
      const { code, offset } = await commitUntilRefused(store, ownerEpoch, 1);
      expect(code).toBe("unknown_outcome");
      await setting(postgres, "ALTER SYSTEM RESET synchronous_standby_names");
      await untilResolved(() => store.acquire(TOPIC));
      const state = await store.acquire(TOPIC);
      expect(state.nextOffset).toBe(offset + 1);
      expect((await store.history(range())).events).toHaveLength(offset + 1);
    } finally {
      await setting(postgres, "ALTER SYSTEM RESET synchronous_standby_names");
      await store.close();
      await schema.dispose();
    }
  },
  TIMEOUT_MS,
);

test(
  "a read-only database refuses commits as retriable and answers reads",
  async () => {
    await using postgres = await startPostgres();
    const schema = await createTemporarySchema(postgres.url);
    const store = await schema.open(TIMES);
    try {
      await store.acquire(TOPIC);
      await setting(postgres, "ALTER SYSTEM SET default_transaction_read_only = on");
      const { code, offset } = await commitUntilRefused(store, 1, 0);
      expect(code).toBe("store_unavailable");
      expect((await store.history(range())).events).toHaveLength(offset);
      await setting(postgres, "ALTER SYSTEM RESET default_transaction_read_only");
      await untilResolved(() => store.commit(batchOf([placed(offset)])));
    } finally {
      await store.close();
      await schema.dispose();
    }
  },
  TIMEOUT_MS,
);

test(
  "a database without a free connection refuses as retriable, and is used when there is one",
  async () => {
    await using postgres = await startPostgres({
      settings: { max_connections: "6", superuser_reserved_connections: "0" },
    });
    const schema = await createTemporarySchema(postgres.url);
    const store = await schema.open({ ...TIMES, writeConnectionsMax: 1, readConnectionsMax: 1 });
    const others = new SQL(postgres.url, { max: 20 });
    try {
      const held = await holdAll(others);
      const refused = await timed(codeOf(store.acquire(TOPIC)));
      expect(refused.value).toBe("store_unavailable");
      expect(refused.ms).toBeLessThan(CALL_MS_MAX);
      for (const session of held) await session.release();
      await others.close();
      await untilResolved(() => store.acquire(TOPIC));
      await store.commit(batchOf([placed(0)], { ownerEpoch: 1 }));
    } finally {
      await others.close();
      await store.close();
      await schema.dispose();
    }
  },
  TIMEOUT_MS,
);

test(
  "a database that answers nothing holds nobody longer than its time, and the line before it is bounded",
  async () => {
    const { url } = await usePostgres();
    const schema = await createTemporarySchema(url);
    const target = new URL(url);
    await using proxy = await startProxy({
      host: target.hostname,
      port: Number(target.port),
    });
    target.host = proxy.address;
    const store = await schema.open({
      ...TIMES,
      url: target.href,
      readConnectionsMax: 2,
      limits: { ...limitsWith(), storeReadsPendingMax: 3 },
    });
    try {
      const { ownerEpoch } = await store.acquire(TOPIC);
      await store.commit(batchOf([placed(0)], { ownerEpoch }));
      proxy.stall();
      const reads = Array.from({ length: 6 }, () => timed(codeOf(store.history(range()))));
      const commit = timed(codeOf(store.commit(batchOf([placed(1)], { ownerEpoch }))));
      const outcomes = await Promise.all(reads);
      expect(new Set(outcomes.map(({ value }) => value))).toEqual(new Set(["store_unavailable"]));
      // Two have a connection, three wait, and one is turned away at once.
      expect(outcomes.filter(({ ms }) => ms < 500)).toHaveLength(1);
      expect(Math.max(...outcomes.map(({ ms }) => ms))).toBeLessThan(CALL_MS_MAX);
      const { value, ms } = await commit;
      expect(value).toBe("store_unavailable");
      expect(ms).toBeLessThan(CALL_MS_MAX);
      await proxy.heal();
      await untilResolved(() => store.history(range()));
      await untilResolved(() => store.commit(batchOf([placed(1)], { ownerEpoch })));
      expect((await store.history(range())).events).toHaveLength(2);
    } finally {
      await store.close();
      await schema.dispose();
    }
  },
  TIMEOUT_MS,
);
