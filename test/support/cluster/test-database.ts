import { PostgresDatabase, quoteName } from "../../../src/adapters/postgres/database.ts";
import { migrate } from "../../../src/adapters/postgres/migrate.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { usePostgres } from "../services/postgres.ts";

/** A schema of its own in the tests' Postgres, with all tables; gone at the scope's end. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly schema: string;
  readonly database: PostgresDatabase;
  /** Another pool on the same tables, as another process has it; closed with the rest. */
  open(): PostgresDatabase;
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const { url } = await usePostgres();
  const schema = `t-${createSystemRandom().uuidv7().slice(-12)}`;
  const pools: PostgresDatabase[] = [];
  const open = (): PostgresDatabase => {
    const pool = new PostgresDatabase({
      url,
      schema,
      applicationName: "tidegate-test",
      connectionsMax: 2,
      waitingMax: 100,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 5_000,
    });
    pools.push(pool);
    return pool;
  };
  const database = open();
  await migrate(database);
  return {
    url,
    schema,
    database,
    open,
    async [Symbol.asyncDispose]() {
      await database.use(async (session) => {
        await session.unsafe(`DROP SCHEMA ${quoteName(schema)} CASCADE`);
      });
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}
