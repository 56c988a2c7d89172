import { afterAll, beforeAll } from "bun:test";
import { createPostgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { createTestDatabase, type TestDatabase } from "../support/cluster/test-database.ts";
import { OUTBOX_BOUNDS, outboxConformance } from "./outbox.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test[Symbol.asyncDispose]());

outboxConformance("postgres", async () => {
  await test.database.use(async (session) => {
    await session`TRUNCATE outbox_partitions, outbox_rows, outbox_messages, outbox_parked`;
  });
  const pools = [test.open(), test.open()] as const;
  const [outbox, other] = [
    createPostgresOutbox({ database: pools[0], limits: OUTBOX_BOUNDS }),
    createPostgresOutbox({ database: pools[1], limits: OUTBOX_BOUNDS }),
  ];
  return {
    outbox,
    other,
    async end() {
      await outbox.close();
      await other.close();
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
});
