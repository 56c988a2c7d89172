import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import type { ImportedRun } from "../../src/chat/import-fold.ts";
import { batchOf, codeOf, placed, range, TOPIC } from "../conformance/message-store-kit.ts";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";

let schema: TemporarySchema;
let store: PostgresMessageStore;
/** Of another process. */
let other: PostgresMessageStore;

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
  store = await schema.open();
  other = await schema.open();
});
afterEach(() => emptyStore(schema));
afterAll(async () => {
  await store.close();
  await other.close();
  await schema.dispose();
});

const EVENTS = Array.from({ length: 40 }, (_, i) => placed(i));

/** Pieces of ten events; `between` runs before each. */
async function* pieces(between = async () => {}): AsyncGenerator<readonly ImportedRun[]> {
  for (let from = 0; from < EVENTS.length; from += 10) {
    await between();
    const events = EVENTS.slice(from, from + 10);
    yield [{ conversation: "general", partition: 0, epoch: "e1", seqFirst: from + 1, events }];
  }
}

const load = (runs = pieces(), tenant = "acme") =>
  store.importTenant({ tenant, topic: TOPIC.topic, partitions: 1, runs });

test("imported events expire before what came after them, and the head stays", async () => {
  await load();
  const [{ ms }]: [{ ms: number }] = await schema.database.use(
    (session) => session`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms`,
  );
  const { ownerEpoch } = await store.acquire(TOPIC);
  const next = placed(0, { id: "next", seq: 41, event: '{"id":"next","x":1}' });
  await store.commit(batchOf([next], { ownerEpoch }));
  const rule = { tenant: "acme", batchesMax: 2, windowOffsets: 65_536, storedBefore: ms };
  await store.expire(TOPIC, rule);
  const page = await store.history(range());
  expect({ floor: page.floor, seq: page.seq }).toEqual({ floor: 41, seq: 41 });
  expect(page.events).toEqual([{ seq: 41, event: next.event }]);
  expect((await store.findIds(TOPIC, [placed(5).id])).size).toBe(0);
});

test("other tenants of the topic are stored while one is imported, and fenced once", async () => {
  let { ownerEpoch } = await store.acquire(TOPIC);
  let offset = 0;
  const commit = () => {
    const event = placed(offset, { tenant: "globex" });
    return codeOf(store.commit(batchOf([event], { ownerEpoch })));
  };
  const during: string[] = [];
  await load(
    pieces(async () => {
      // The import has taken the partition before its first piece.
      if (during.length === 0) ({ ownerEpoch } = await other.acquire(TOPIC));
      const event = placed(offset, { tenant: "globex" });
      during.push(await codeOf(other.commit(batchOf([event], { ownerEpoch }))));
      offset++;
    }),
  );
  expect(during).toEqual(["resolved", "resolved", "resolved", "resolved"]);
  expect(await commit()).toBe("fenced");
  ({ ownerEpoch } = await store.acquire(TOPIC));
  expect(await commit()).toBe("resolved");
  expect(await store.history(range({ tenant: "globex" }))).toMatchObject({ seq: 5 });
});

test("of two imports of one tenant at once one is refused, and nothing of it stays", async () => {
  const outcomes = await Promise.all([codeOf(load()), codeOf(load())]);
  expect(outcomes.toSorted()).toEqual(["invalid_command", "resolved"]);
  expect((await store.history(range())).events.map(({ seq }) => seq)).toEqual(
    EVENTS.map(({ seq }) => seq),
  );
});

test("two tenants that come into one topic at once get offsets of their own", async () => {
  await Promise.all([load(), load(pieces(), "globex")]);
  for (const tenant of ["acme", "globex"])
    expect((await store.history(range({ tenant }))).events).toHaveLength(40);
  const feed = await store.feed(TOPIC, -(2 ** 52), 1_000);
  expect(new Set(feed.events.map(({ offset }) => offset)).size).toBe(80);
});
