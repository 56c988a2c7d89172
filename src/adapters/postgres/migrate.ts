import { AppError } from "../../errors.ts";
import { sqlState } from "./database-error.ts";
import { quoteName, type PostgresDatabase, type PostgresSession } from "./database.ts";
import { MIGRATIONS } from "./migrations/list.ts";
import type { Migration } from "./migrations/migration.ts";

/** Large tables take their time; every process that starts meanwhile waits for it. */
const MIGRATE_TIMEOUT_MS = 600_000;
/** Of the advisory lock: "tide" in ASCII, and the schema's name beside it. */
const LOCK_SPACE = 0x74_69_64_65;
const UNDEFINED_TABLE = "42P01";

export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

export interface MigrationState {
  readonly applied: readonly AppliedMigration[];
  /** What `migrate` would apply. */
  readonly pending: readonly Migration[];
}

/**
 * Brings the database to this program's layout, all pending steps in one transaction. Any number of
 * processes may call it at once: one applies, the others wait and find it done.
 *
 * @returns what this call applied
 * @throws schema_mismatch: the database is newer than the program, or a step that was applied is
 *   not the program's
 */
export async function migrate(
  database: PostgresDatabase,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<readonly Migration[]> {
  return database.transaction(
    async (session) => {
      await session.unsafe(`SET LOCAL statement_timeout = ${MIGRATE_TIMEOUT_MS}`);
      await session.unsafe(`SET LOCAL idle_in_transaction_session_timeout = ${MIGRATE_TIMEOUT_MS}`);
      await session`
        SELECT pg_advisory_xact_lock(${LOCK_SPACE}, hashtext(${database.schema ?? ""}))`;
      await makeSchema(session, database.schema);
      const [{ isThere }]: [{ isThere: boolean }] = await session`
        SELECT to_regclass('schema_migrations') IS NOT NULL AS "isThere"`;
      if (!isThere)
        await session.unsafe(`
          CREATE TABLE schema_migrations (
            number integer PRIMARY KEY,
            name text NOT NULL,
            checksum text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
          )`);
      const { pending } = compare(await readApplied(session), migrations);
      for (const { number, name, sql } of pending) {
        await session.unsafe(sql);
        await session`
          INSERT INTO schema_migrations (number, name, checksum)
          VALUES (${number}, ${name}, ${checksum(sql)})`;
      }
      return pending;
    },
    { deadlineMs: MIGRATE_TIMEOUT_MS },
  );
}

/**
 * Looks first: `IF NOT EXISTS` asks for the right to make it also where it is there, and a user whose
 * tables somebody else has made need not have that.
 * @param schema undefined: the server's own search path
 */
export async function makeSchema(
  session: PostgresSession,
  schema: string | undefined,
): Promise<void> {
  if (schema === undefined) return;
  const name = quoteName(schema);
  const [{ isThere }]: [{ isThere: boolean }] = await session`
    SELECT to_regnamespace(${name}) IS NOT NULL AS "isThere"`;
  if (!isThere) await session.unsafe(`CREATE SCHEMA ${name}`);
}

/**
 * What is applied and what is not, without changing anything.
 * @throws schema_mismatch as {@link migrate}
 */
export async function migrationState(
  database: PostgresDatabase,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<MigrationState> {
  return database.use(async (session) => compare(await readApplied(session), migrations));
}

async function readApplied(session: PostgresSession): Promise<readonly AppliedMigration[]> {
  try {
    const rows: AppliedMigration[] = await session`
      SELECT number, name, checksum FROM schema_migrations ORDER BY number`;
    return rows.map(({ number, name, checksum }) => ({ number, name, checksum }));
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

function compare(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): MigrationState {
  for (const [i, step] of applied.entries()) {
    const known = migrations[i];
    if (known === undefined)
      throw new AppError(
        "schema_mismatch",
        `The database has layout ${applied.at(-1)?.number} (${applied.at(-1)?.name}); ` +
          `this program knows ${migrations.length}. Run a newer program`,
      );
    if (known.number !== step.number || checksum(known.sql) !== step.checksum)
      throw new AppError(
        "schema_mismatch",
        `Step ${step.number} (${step.name}) of the database is not the one of this program`,
      );
  }
  return { applied, pending: migrations.slice(applied.length) };
}

function checksum(sql: string): string {
  return new Bun.CryptoHasher("sha256").update(sql).digest("hex");
}
