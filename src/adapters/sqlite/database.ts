import { Database, SQLiteError } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AppError, type ErrorCode } from "../../errors.ts";

export interface DatabaseOptions {
  readonly path: string;
  /**
   * `FULL`: every commit is on disk before it returns. `NORMAL`: the commits since the last
   * checkpoint may be lost with the machine's power, as a suffix (https://sqlite.org/wal.html).
   * `OFF`: nothing is flushed; for the tests that must notice that.
   */
  readonly synchronous: "FULL" | "NORMAL" | "OFF";
  /** Memory for pages. */
  readonly cacheBytes: number;
  /** Taken only by the connection that makes the file. */
  readonly pageBytes?: number;
  /** Refuses every write through this connection. */
  readonly readOnly?: boolean;
  /** Size of the file at which it counts as a full disk; for tests. */
  readonly pagesMax?: number;
}

/**
 * Opens a WAL database and makes its folder. Checkpoints are left to the caller: SQLite's own run
 * inside whichever commit crosses the threshold.
 */
export function openDatabase(options: DatabaseOptions): Database {
  mkdirSync(dirname(options.path), { recursive: true });
  const db = new Database(options.path, { create: true, readwrite: true, strict: true });
  db.run(`PRAGMA busy_timeout = 5000`);
  if (options.pageBytes !== undefined) db.run(`PRAGMA page_size = ${options.pageBytes}`);
  db.run("PRAGMA journal_mode = WAL");
  db.run(`PRAGMA synchronous = ${options.synchronous}`);
  db.run(`PRAGMA cache_size = ${-Math.ceil(options.cacheBytes / 1024)}`);
  db.run("PRAGMA temp_store = MEMORY");
  db.run("PRAGMA wal_autocheckpoint = 0");
  if (options.pagesMax !== undefined) db.run(`PRAGMA max_page_count = ${options.pagesMax}`);
  if (options.readOnly === true) db.run("PRAGMA query_only = 1");
  return db;
}

/** What a fault of SQLite means to a caller: full disk, refused data, or "try later". */
export function databaseErrorCode(error: unknown): ErrorCode {
  if (error instanceof AppError) return error.code;
  if (!(error instanceof SQLiteError)) return "internal";
  const code = error.code ?? "";
  // The shared-memory file of a WAL grows by blocks too, and says so in its own words.
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_SHMSIZE") return "disk_full";
  if (/^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code)) return "row_refused";
  return "store_unavailable";
}
