import { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import {
  openPostgresMessageStore,
  type PostgresMessageStore,
  type PostgresMessageStoreOptions,
} from "../../src/adapters/postgres/message-store.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { limitsWith } from "../../src/limits.ts";
import { silentTelemetry } from "./sqlite-store.ts";

/** A schema of its own in a database that others use too. */
export interface TemporarySchema {
  readonly url: string;
  readonly schema: string;
  /** A store on it; the caller closes it. */
  open(changes?: Partial<PostgresMessageStoreOptions>): Promise<PostgresMessageStore>;
  /** For looking at the tables, and for what a test does to them. */
  readonly database: PostgresDatabase;
  /** Removes everything. */
  dispose(): Promise<void>;
}

const TIMES = { connectTimeoutMs: 5_000, statementTimeoutMs: 10_000 } as const;

export async function createTemporarySchema(url: string): Promise<TemporarySchema> {
  const schema = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const database = new PostgresDatabase({
    url,
    schema,
    applicationName: "tidegate-test",
    connectionsMax: 2,
    waitingMax: 100,
    ...TIMES,
  });
  await migrate(database);
  return {
    url,
    schema,
    database,
    open: (changes = {}) =>
      openPostgresMessageStore({
        url,
        schema,
        applicationName: "tidegate-test",
        cluster: "test",
        writeConnectionsMax: 2,
        readConnectionsMax: 4,
        limits: limitsWith(),
        telemetry: silentTelemetry,
        ...TIMES,
        ...changes,
      }),
    async dispose() {
      await database.use((session) => session.unsafe(`DROP SCHEMA "${schema}" CASCADE`));
      await database.close();
    },
  };
}

/** Forgets all that the store keeps, much faster than a new schema. */
export async function emptyStore({ database }: TemporarySchema): Promise<void> {
  await database.use((session) =>
    session.unsafe("TRUNCATE consumer_offsets, conversations, runs, batches, id_blocks"),
  );
}
