import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ReservedSQL, SQL } from "bun";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import { batchOf, placed, range, TOPIC } from "../conformance/message-store-kit.ts";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";

const STATEMENT_MS = 8_000;
/** Far below the statement's time, after which an acquisition would fail. */
const ACQUIRED_WITHIN_MS = 5_000;

let schema: TemporarySchema;
let store: PostgresMessageStore;
let others: SQL;
/** A session that nobody refers to is ended by the garbage collector. */
const held: ReservedSQL[] = [];

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
  store = await schema.open({ statementTimeoutMs: STATEMENT_MS });
  others = new SQL({ url: schema.url, max: 2, connection: { search_path: schema.schema } });
});
afterAll(async () => {
  await others.close({ timeout: 1 });
  await store.close();
  await schema.dispose();
});

/** Another worker's transaction, which has its partition's row. */
async function begin(): Promise<{ session: ReservedSQL; pid: number }> {
  await emptyStore(schema);
  await store.acquire(TOPIC);
  const session = await others.reserve();
  held.push(session);
  await session.unsafe("BEGIN");
  const [row]: [{ pid: number }] = await session`SELECT pg_backend_pid() AS pid`;
  await session`SELECT 1 FROM consumer_offsets FOR UPDATE`;
  return { session, pid: row.pid };
}

async function sessions(pid: number): Promise<{ query: string; wait_event: string | null }[]> {
  return schema.database.use(
    (session) => session`SELECT query, wait_event FROM pg_stat_activity WHERE pid = ${pid}`,
  );
}

async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await Bun.sleep(10);
}

test("a worker that froze inside a COPY does not keep its partition from the next one", async () => {
  const { session, pid } = await begin();
  const copy = session.unsafe("COPY batches (offset_next, place, events, id_buckets) FROM STDIN");
  const writer = copy.writable().getWriter();
  const frozen = copy.then(
    () => "copied",
    () => "failed",
  );
  const closed = writer.closed.then(
    () => "closed",
    () => "failed",
  );
  await writer.write(Buffer.from("1\t1\t1\t"));
  await until(async () =>
    (await sessions(pid)).some(
      ({ query, wait_event }) => query.startsWith("COPY") && wait_event === "ClientRead",
    ),
  );
  const started = performance.now();
  const { ownerEpoch } = await store.acquire(TOPIC);
  expect(performance.now() - started).toBeLessThan(ACQUIRED_WITHIN_MS);
  expect(ownerEpoch).toBe(2);
  expect(await sessions(pid)).toEqual([]);
  expect(await Promise.all([frozen, closed])).toEqual(["failed", "failed"]);
  await store.commit(batchOf([placed(0)], { ownerEpoch }));
  expect((await store.history(range())).events).toHaveLength(1);
}, 20_000);

test("a worker that froze between two statements does not keep it either", async () => {
  const { pid } = await begin();
  const started = performance.now();
  expect((await store.acquire(TOPIC)).ownerEpoch).toBe(2);
  expect(performance.now() - started).toBeLessThan(ACQUIRED_WITHIN_MS);
  expect(await sessions(pid)).toEqual([]);
}, 20_000);

test("a transaction at which the database itself works is waited for", async () => {
  const { session, pid } = await begin();
  const slow = session
    .unsafe("SELECT pg_sleep(3); COMMIT")
    .simple()
    .then(() => performance.now());
  await until(async () => (await sessions(pid)).some(({ wait_event }) => wait_event === "PgSleep"));
  expect((await store.acquire(TOPIC)).ownerEpoch).toBe(2);
  const acquired = performance.now();
  expect(await slow).toBeLessThan(acquired + 100);
  expect(await sessions(pid)).toHaveLength(1);
  await session.release();
}, 20_000);
