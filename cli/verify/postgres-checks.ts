import { sqlState } from "../../src/adapters/postgres/database-error.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { makeSchema, migrationState } from "../../src/adapters/postgres/migrate.ts";
import type { ClusterConfig } from "../../src/config-cluster.ts";
import { AppError } from "../../src/errors.ts";
import { type Check, checksOf, Fault, Warning } from "./check.ts";
import { openSocket, resolveHost } from "./network.ts";

export interface PostgresCheckOptions {
  readonly config: ClusterConfig;
  readonly database: PostgresDatabase;
}

const DEFAULT_PORT = 5432;
const MAJOR_MIN = 14;
const TIMEOUT_MS = 5_000;

/** The network, logging in, the tables, and whether they can be written. */
export function postgresChecks({ config, database }: PostgresCheckOptions): readonly Check[] {
  const { hostname, port } = new URL(config.database.url);
  const host = hostname.replace(/^\[|\]$/g, "") || "localhost";
  const portNumber = port === "" ? DEFAULT_PORT : Number(port);
  const check = checksOf("postgres");
  return [
    check("dns", [], async () => `${host} → ${await resolveHost(host, "DATABASE_URL")}`),
    check("tcp", ["dns"], async () => {
      (await openSocket(host, portNumber, TIMEOUT_MS, "DATABASE_URL")).destroy();
      return `${host}:${portNumber} is open`;
    }),
    check("log in", ["tcp"], () => checkLogin(database)),
    check("tables", ["log in"], async () => {
      const { applied, pending } = await migrationState(database);
      const steps = pending.map(({ number, name }) => `${number} ${name}`).join(", ");
      if (pending.length === 0) return `layout ${applied.length}, as this program knows it`;
      throw new Warning(
        applied.length === 0 ? "there are no tables yet" : `steps are missing: ${steps}`,
        "nothing: the first gateway or consumers process that starts makes them, if the user in DATABASE_URL may",
      );
    }),
    check("write", ["log in"], () => checkWrite(config, database)),
  ];
}

async function checkLogin(database: PostgresDatabase): Promise<string> {
  const [row] = await database.use(
    (session): Promise<{ version: string; standby: boolean; username: string }[]> => session`
      SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
        current_user AS username`,
  );
  const { version = "", standby = false, username = "" } = row ?? {};
  if (Number.parseInt(version, 10) < MAJOR_MIN)
    throw new Fault(`Postgres is ${version}`, `DATABASE_URL: ${MAJOR_MIN} or later is needed`);
  if (standby)
    throw new Fault(
      "the server is a standby and takes no writes",
      "DATABASE_URL: name the primary",
    );
  return `Postgres ${version}, as ${username}`;
}

/** Makes a table where ours are, and undoes it. */
async function checkWrite(config: ClusterConfig, database: PostgresDatabase): Promise<string> {
  const done = new Error("undone");
  try {
    await database.transaction(async (session) => {
      await makeSchema(session, config.cluster);
      await session.unsafe(`CREATE TABLE "${config.cluster}".verify_probe (n integer)`);
      await session.unsafe(`INSERT INTO "${config.cluster}".verify_probe VALUES (1)`);
      throw done;
    });
  } catch (error) {
    if (!(error instanceof Error) || (error !== done && error.cause !== done)) throw error;
  }
  return `tables can be made and written in schema ${config.cluster}`;
}

interface Sign {
  readonly pattern: RegExp;
  readonly look: string;
}

/** SQLSTATE (PostgreSQL manual, appendix A) or words → the part of the setting to look at. */
const SIGNS: readonly Sign[] = [
  { pattern: /^28P01|password authentication/, look: "DATABASE_URL: user and password" },
  {
    pattern: /^28000|pg_hba/,
    look: "DATABASE_URL: the user, ?sslmode=require, and the server's pg_hba.conf",
  },
  {
    pattern: /^3D000|database ".*" does not exist/,
    look: "DATABASE_URL: the database behind the last /; make it with createdb",
  },
  {
    pattern: /^53300|too many (clients|connections)/,
    look: "DATABASE_POOL_MAX of all processes against the server's max_connections",
  },
  {
    pattern: /^42501|permission denied/,
    look: "DATABASE_URL: the user needs CREATE on the database (GRANT CREATE ON DATABASE), or to own the schema",
  },
  { pattern: /^25006|read-only/, look: "DATABASE_URL: name the primary" },
  { pattern: /^53100|disk/i, look: "the server's disk" },
  {
    pattern: /^57014|statement timeout/,
    look: "DATABASE_STATEMENT_TIMEOUT, and what else the server does",
  },
  {
    pattern: /certificate|TLS|SSL/i,
    look: "DATABASE_TLS_CA, DATABASE_URL: ?sslmode=, and the server's certificate",
  },
];

export function postgresFault(error: unknown): Fault {
  const cause = error instanceof AppError ? error.cause : error;
  const message = error instanceof Error ? error.message : String(error);
  const text = `${sqlState(cause) ?? ""} ${message}`.trimStart();
  const sign = SIGNS.find(({ pattern }) => pattern.test(text));
  return new Fault(message, sign?.look ?? "DATABASE_URL, and the server's log");
}
