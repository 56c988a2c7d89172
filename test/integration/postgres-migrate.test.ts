import { expect, test } from "bun:test";
import { PostgresDatabase, quoteName } from "../../src/adapters/postgres/database.ts";
import { migrate, migrationState } from "../../src/adapters/postgres/migrate.ts";
import { MIGRATIONS } from "../../src/adapters/postgres/migrations/list.ts";
import type { Migration } from "../../src/adapters/postgres/migrations/migration.ts";
import { codeOf } from "../conformance/message-store-kit.ts";
import { rejection } from "../support/rejection.ts";
import { usePostgres } from "../support/services/postgres.ts";

const STEPS: readonly Migration[] = [
  { number: 1, name: "one", sql: "CREATE TABLE one (a integer); CREATE TABLE more (a integer)" },
  { number: 2, name: "two", sql: "CREATE TABLE two (a integer)" },
];

interface Place extends AsyncDisposable {
  readonly database: PostgresDatabase;
  /** Another process's pool on the same schema. @param user the one of the tests' own if absent */
  open(user?: string): PostgresDatabase;
}

async function place(): Promise<Place> {
  const { url } = await usePostgres();
  // Needs quoting, and has no table yet.
  const schema = `Test "${crypto.randomUUID()}"`;
  const pools: PostgresDatabase[] = [];
  const open = (user?: string): PostgresDatabase => {
    const address = new URL(url);
    if (user !== undefined) address.username = user;
    const pool = new PostgresDatabase({
      url: address.href,
      schema,
      applicationName: "tidegate-test",
      connectionsMax: 2,
      waitingMax: 10,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 5_000,
    });
    pools.push(pool);
    return pool;
  };
  const database = open();
  return {
    database,
    open,
    async [Symbol.asyncDispose]() {
      await database.use((session) =>
        session.unsafe(`DROP SCHEMA IF EXISTS ${quoteName(schema)} CASCADE`),
      );
      await Promise.all(pools.map((pool) => pool.close()));
    },
  };
}

const numbers = (steps: readonly { number: number }[]): number[] =>
  steps.map(({ number }) => number);

test("a user needs no right on the database where the schema is there", async () => {
  await using here = await place();
  const { schema } = here.database;
  const role = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const owner = (sql: string) => here.database.use((session) => session.unsafe(sql));
  await owner(`CREATE ROLE ${role} LOGIN`);
  try {
    const user = here.open(role);
    expect(String(await rejection(migrate(user, STEPS)))).toContain("permission denied");
    await owner(`CREATE SCHEMA ${quoteName(schema ?? "")} AUTHORIZATION ${role}`);
    expect(numbers(await migrate(user, STEPS))).toEqual([1, 2]);
    // Not even in the schema, once the tables are there.
    await owner(`REVOKE CREATE ON SCHEMA ${quoteName(schema ?? "")} FROM ${role}`);
    expect(await migrate(user, STEPS)).toEqual([]);
  } finally {
    await owner(`DROP OWNED BY ${role} CASCADE`);
    await owner(`DROP ROLE ${role}`);
  }
});

test("the steps are numbered without holes", () => {
  expect(numbers(MIGRATIONS)).toEqual(MIGRATIONS.map((_, i) => i + 1));
});

test("processes that start at once apply each step once", async () => {
  await using here = await place();
  const processes = [here.database, ...Array.from({ length: 5 }, () => here.open())];
  const applied = await Promise.all(processes.map((database) => migrate(database, STEPS)));
  expect(applied.map(numbers).filter((list) => list.length > 0)).toEqual([[1, 2]]);
});

test("a later program applies what is new, and tells what is pending before", async () => {
  await using here = await place();
  expect(numbers((await migrationState(here.database, STEPS)).pending)).toEqual([1, 2]);
  await migrate(here.database, STEPS.slice(0, 1));
  const state = await migrationState(here.database, STEPS);
  expect([numbers(state.applied), numbers(state.pending)]).toEqual([[1], [2]]);
  expect(numbers(await migrate(here.database, STEPS))).toEqual([2]);
  expect(numbers((await migrationState(here.database, STEPS)).pending)).toEqual([]);
});

test("a step that fails leaves the database as it was", async () => {
  await using here = await place();
  const broken = { number: 2, name: "broken", sql: "CREATE TABLE two (a integer); SELECT 1 / 0" };
  const steps = [...STEPS.slice(0, 1), broken];
  expect(await codeOf(migrate(here.database, steps))).toBe("row_refused");
  expect(numbers((await migrationState(here.database, STEPS)).applied)).toEqual([]);
  expect(numbers(await migrate(here.database, STEPS))).toEqual([1, 2]);
});

test("an older program refuses a newer database and says which layouts they have", async () => {
  await using here = await place();
  await migrate(here.database, STEPS);
  const error = await rejection(migrate(here.database, STEPS.slice(0, 1)));
  expect(error).toMatchObject({
    code: "schema_mismatch",
    message: "The database has layout 2 (two); this program knows 1. Run a newer program",
  });
});

test("a step that was changed after it was applied is refused", async () => {
  await using here = await place();
  await migrate(here.database, STEPS);
  const changed = STEPS.map((step) => (step.number === 1 ? { ...step, sql: "SELECT 1" } : step));
  expect(await codeOf(migrate(here.database, changed))).toBe("schema_mismatch");
  expect(await codeOf(migrationState(here.database, changed))).toBe("schema_mismatch");
});
