import { type ReservedSQL, SQL } from "bun";
import { AppError } from "../../errors.ts";
import { databaseError, isConnectionLost } from "./database-error.ts";
import { Permits } from "./permits.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=…` */
  readonly url: string;
  /** What operators see in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Where the tables are; made by `migrate`. Absent: the server's own search path. */
  readonly schema?: string;
  readonly tls?: Bun.TLSOptions;
  /** Connections, at most. */
  readonly connectionsMax: number;
  /** Callers that may wait for one; beyond it they fail at once. */
  readonly waitingMax: number;
  /** To open a connection, and for a caller to wait for one. */
  readonly connectTimeoutMs: number;
  /** The server ends a statement after this time; a session without an answer ends a bit later. */
  readonly statementTimeoutMs: number;
  /** Settings of each session (PostgreSQL manual, chapter "Server Configuration"). */
  readonly settings?: Readonly<Record<string, string>>;
}

/** One connection, for as long as a callback has it. */
export type PostgresSession = ReservedSQL;

/** How much later than the server this side gives up: a server that is gone ends nothing. */
const DEADLINE_MARGIN_MS = 500;
const CLOSE_TIMEOUT_S = 2;

/**
 * A transaction whose owner hangs must not hold its locks: a frozen worker's partitions are another's
 * when its session ends, and cannot be taken before.
 */
const IDLE_IN_TRANSACTION_MS = 5_000;

/**
 * A bounded pool. Nothing waits longer than its time: callers beyond `connectionsMax` wait in a
 * bounded line, and a session that is not over in time loses its connection. Connections come back
 * by themselves when the server does. Bun's own pool would queue without bound and pipeline
 * statements behind each other, so that a slow one delays its neighbours.
 *
 * Every method rejects with an `AppError`; see `databaseError`.
 */
export class PostgresDatabase {
  readonly schema: string | undefined;
  readonly #sql: SQL;
  readonly #permits: Permits;
  readonly #statementTimeoutMs: number;
  readonly #address: string;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresOptions) {
    const { url, applicationName, schema, tls, connectionsMax, connectTimeoutMs } = options;
    this.schema = schema;
    this.#statementTimeoutMs = options.statementTimeoutMs;
    this.#address = addressOf(url);
    this.#permits = new Permits(connectionsMax, options.waitingMax, connectTimeoutMs);
    this.#sql = new SQL({
      url,
      adapter: "postgres",
      max: connectionsMax,
      connectionTimeout: connectTimeoutMs / 1_000,
      ...(tls === undefined ? {} : { tls }),
      connection: {
        ...options.settings,
        application_name: applicationName,
        statement_timeout: String(options.statementTimeoutMs),
        idle_in_transaction_session_timeout: String(
          Math.min(IDLE_IN_TRANSACTION_MS, options.statementTimeoutMs),
        ),
        ...(schema === undefined ? {} : { search_path: quoteName(schema) }),
      },
    });
  }

  /** Connections that a caller has. */
  get inUse(): number {
    return this.#permits.taken;
  }

  /** Callers that wait for a connection. */
  get waiting(): number {
    return this.#permits.waiting;
  }

  /**
   * Runs `work` with a connection of its own; every statement in it MUST be awaited in it.
   * @param deadlineMs time for all of it; then the connection is closed
   * @throws store_unavailable, disk_full, row_refused, closed, internal
   */
  async use<T>(
    work: (session: PostgresSession) => Promise<T>,
    deadlineMs = this.#statementTimeoutMs + DEADLINE_MARGIN_MS,
  ): Promise<T> {
    if (this.#closing !== undefined) throw new AppError("closed");
    const release = await this.#permits.take();
    try {
      const session = await this.#reserve();
      const timer = setTimeout(() => void session.close({ timeout: 0 }), deadlineMs);
      try {
        return await work(session);
      } finally {
        clearTimeout(timer);
        await session.release();
      }
    } catch (error) {
      if (this.#closing !== undefined && isConnectionLost(error)) throw new AppError("closed");
      throw databaseError(error, this.#address);
    } finally {
      release();
    }
  }

  /**
   * Like {@link use}, in one transaction, which is rolled back when `work` throws.
   * @param options after BEGIN, such as `ISOLATION LEVEL REPEATABLE READ READ ONLY`
   * @throws also unknown_outcome: the connection was lost while it was committed
   */
  transaction<T>(
    work: (session: PostgresSession) => Promise<T>,
    { options = "", deadlineMs }: { readonly options?: string; readonly deadlineMs?: number } = {},
  ): Promise<T> {
    return this.use(async (session) => {
      await session.unsafe(`BEGIN ${options}`);
      let result: T;
      try {
        result = await work(session);
      } catch (error) {
        // What went wrong first is what the caller has to know. A connection that cannot roll back
        // is lost, or closed on its way back to the pool, and either rolls back.
        await session.unsafe("ROLLBACK").catch(() => undefined);
        throw error;
      }
      await commit(session);
      return result;
    }, deadlineMs);
  }

  /**
   * Hears notifications of a channel, on a connection of its own that comes back by itself.
   * @param listening called when it is heard, first and after each loss: what came between is lost
   */
  async listen(
    channel: string,
    heard: (payload: string) => void,
    listening: () => void,
  ): Promise<{ unlisten(): Promise<void> }> {
    try {
      return await this.#sql.listen(channel, heard, listening);
    } catch (error) {
      throw databaseError(error, this.#address);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#sql.close({ timeout: CLOSE_TIMEOUT_S });
    return this.#closing;
  }

  /** A permit is a connection of the pool, so this waits only while one is being opened. */
  async #reserve(): Promise<PostgresSession> {
    return await this.#sql.reserve({
      signal: AbortSignal.timeout(this.#permits.timeoutMs + DEADLINE_MARGIN_MS),
    });
  }
}

/**
 * Without the server's time limit: one that ends the wait for a synchronous standby makes the server
 * answer that it committed. The session's own deadline then says that nobody knows.
 */
async function commit(session: PostgresSession): Promise<void> {
  let results: { readonly command: string }[];
  try {
    results = await session
      .unsafe<{ readonly command: string }[]>("SET LOCAL statement_timeout = 0; COMMIT")
      .simple();
  } catch (error) {
    if (isConnectionLost(error)) throw new AppError("unknown_outcome", undefined, { cause: error });
    throw error;
  }
  // The server answers ROLLBACK, without an error, when a statement had failed.
  if (results.at(-1)?.command !== "COMMIT")
    throw new AppError("store_unavailable", "The transaction was rolled back");
}

const DEFAULT_PORT = "5432";

/** Host and port of a URL, for operators: never who logs in. */
function addressOf(url: string): string {
  if (!URL.canParse(url)) return "an address that is not a URL";
  const { hostname, port } = new URL(url);
  return `${hostname || "localhost"}:${port || DEFAULT_PORT}`;
}

/** A name as an SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
