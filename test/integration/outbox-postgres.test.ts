import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { quoteName } from "../../src/adapters/postgres/database.ts";
import { createPostgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { AppError } from "../../src/errors.ts";
import { limitsWith } from "../../src/limits.ts";
import type { OutboxMessage, OutboxRow } from "../../src/ports/outbox.ts";
import { keyFault } from "../../src/wire/key.ts";
import { keyTime } from "../../src/wire/message-id.ts";
import { createTestDatabase, type TestDatabase } from "../support/cluster/test-database.ts";

const P = { topic: "chat.messages.acme", partition: 0 };
const row = (value: string): OutboxRow => ({ ...P, record: { key: "k", headers: {}, value } });

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

const open = () => createPostgresOutbox({ database: database.open(), limits: limitsWith() });

test("publishing has connections of its own, so that nothing else waits for the log", async () => {
  const [others, publishing] = [database.open(), database.open()];
  const outbox = createPostgresOutbox({ database: others, publishing, limits: limitsWith() });
  await outbox.put([row("own")]);
  let held: readonly number[] = [];
  await outbox.publish(P, 100, (entries) => {
    held = [others.inUse, publishing.inUse];
    return Promise.resolve({ done: entries.length, parked: [] });
  });
  expect(held).toEqual([0, 1]);
});

/** Takes all messages. */
async function messages(): Promise<OutboxMessage[]> {
  const taken: OutboxMessage[] = [];
  await open().stage(100, (some) => {
    taken.push(...some);
    return Promise.resolve(some.map(() => ({ fault: "taken by the test" })));
  });
  return taken;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

describe("outbox_put in a service's own transaction", () => {
  test("is seen when the transaction commits, and never when it rolls back", async () => {
    await database.database.transaction(async (session) => {
      await session`SELECT outbox_put('acme', 'orders', 'shop', '{"n":1}')`;
      await session`SELECT outbox_put('acme', 'orders', 'shop', '{"n":2}', kind => 'file')`;
      // Another session sees nothing of it, and does not wait for it.
      expect(await messages()).toEqual([]);
      await open().put([row("not held up")]);
    });
    const failing = database.database.transaction(async (session) => {
      await session`SELECT outbox_put('acme', 'orders', 'shop', '{"n":3}')`;
      throw new AppError("closed");
    });
    expect(await codeOf(failing)).toBe("closed");
    const [one, two, ...more] = await messages();
    expect(more).toEqual([]);
    expect(one).toMatchObject({ tenant: "acme", conversation: "orders", sender: "shop" });
    expect([one?.kind, one?.content, two?.kind, two?.content]).toEqual([
      "text",
      '{"n":1}',
      "file",
      '{"n":2}',
    ]);
  });

  test("makes a key like a client's when it is given none, and gives it back", async () => {
    const before = Date.now();
    const [made] = await database.database.use(
      async (session): Promise<{ key: string }[]> =>
        session`SELECT outbox_put('acme', 'orders', 'shop', '{}') AS key`,
    );
    const key = made?.key ?? "";
    expect(keyFault(key)).toBeUndefined();
    expect(Math.abs((keyTime(key) ?? 0) - before)).toBeLessThan(60_000);
    expect((await messages()).map((one) => one.key)).toEqual([key]);
  });

  test("works from any search path", async () => {
    await database.database.use(async (session) => {
      await session.unsafe("SET search_path = public");
      const name = quoteName(database.schema);
      await session.unsafe(`SELECT ${name}.outbox_put('acme', 'orders', 'shop', '{"n":4}')`);
      await session.unsafe(`SET search_path = ${name}`);
    });
    expect(await messages()).toHaveLength(1);
  });

  test("refuses content that is no JSON object and keys that are none, at once", async () => {
    const put = (content: string, key: string | null) =>
      codeOf(
        database.database.use(async (session) => {
          await session`SELECT outbox_put('acme', 'orders', 'shop', ${content}, ${key})`;
        }),
      );
    expect(await put("[1]", null)).toBe("row_refused");
    expect(await put("nonsense", null)).toBe("row_refused");
    expect(await put("{}", "short")).toBe("row_refused");
    expect(await messages()).toEqual([]);
  });

  test("keeps messages of transactions that commit out of order", async () => {
    const first = Promise.withResolvers<void>();
    const numbered = Promise.withResolvers<void>();
    const slow = database.open().transaction(async (session) => {
      await session`SELECT outbox_put('acme', 'orders', 'shop', '{"n":"slow"}')`;
      numbered.resolve();
      await first.promise;
    });
    await numbered.promise;
    await open().submit([{ ...(await sample()), content: '{"n":"fast"}' }]);
    expect((await messages()).map((one) => one.content)).toEqual(['{"n":"fast"}']);
    first.resolve();
    await slow;
    expect((await messages()).map((one) => one.content)).toEqual(['{"n":"slow"}']);
  });
});

function sample(): Promise<OutboxMessage> {
  return Promise.resolve({
    tenant: "acme",
    conversation: "orders",
    sender: "shop",
    key: "0198aaaa-bbbb-7ccc-8ddd-000000000001",
    kind: "text",
    content: "{}",
  });
}

describe("the rows of a partition", () => {
  test("are let go of when the publisher's session ends, and nothing of it is removed", async () => {
    const outbox = open();
    const zombie = database.open();
    await createPostgresOutbox({ database: zombie, limits: limitsWith() }).put([row("a")]);
    const killed = Promise.withResolvers<void>();
    const publishing = createPostgresOutbox({ database: zombie, limits: limitsWith() }).publish(
      P,
      100,
      async (entries) => {
        const ended: { ended: boolean }[] = await database.database.use(
          async (session) => session`
            SELECT pg_terminate_backend(pid) AS ended FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
              AND classid = ${0x74_6f_62_78}::bigint::oid
              AND objid = (hashtext(${`${database.schema} ${P.topic}/0`})::bigint & 4294967295)::oid`,
        );
        expect(ended).toEqual([{ ended: true }]);
        killed.resolve();
        return { done: entries.length, parked: [] };
      },
    );
    expect(await codeOf(publishing)).toMatch(/store_unavailable|unknown_outcome/);
    await killed.promise;
    let seen = 0;
    await outbox.publish(P, 100, (entries) => {
      seen = entries.length;
      return Promise.resolve({ done: entries.length, parked: [] });
    });
    expect(seen).toBeGreaterThan(0);
    expect(await outbox.pending()).toEqual([]);
  });

  test("are refused as a whole when the database cannot hold one of them", async () => {
    const outbox = open();
    expect(await codeOf(outbox.put([row("a"), row("nul \u0000")]))).toBe("row_refused");
    expect(await outbox.pending()).toEqual([]);
  });

  test("are numbered in the order of commits though a put is slow", async () => {
    const outbox = open();
    const goOn = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    // Stands for a put that has its numbers and has not committed yet.
    const slow = database.open().transaction(async (session) => {
      await session`
        INSERT INTO outbox_partitions (topic, partition, last_number, chars) VALUES (${P.topic}, 7, 1, 4)`;
      await session`
        INSERT INTO outbox_rows (topic, partition, number, key, headers, value)
        VALUES (${P.topic}, 7, 1, 'k', '{}', 'slow')`;
      locked.resolve();
      await goOn.promise;
    });
    await locked.promise;
    const second = outbox.put([{ ...row("fast"), partition: 7 }]);
    expect(await open().pending()).toEqual([]);
    goOn.resolve();
    await Promise.all([slow, second]);
    const seen: string[] = [];
    await outbox.publish({ ...P, partition: 7 }, 10, (entries) => {
      seen.push(...entries.map(({ number, record }) => `${number} ${record.value}`));
      return Promise.resolve({ done: entries.length, parked: [] });
    });
    expect(seen).toEqual(["1 slow", "2 fast"]);
  });
});
