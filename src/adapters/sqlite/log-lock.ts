import { Database, SQLiteError } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../errors.ts";

/** A lock on a folder that ends with this process, however it ends. */
export interface FolderLock {
  release(): void;
}

/**
 * Makes the folder and takes its lock by an exclusive transaction on a file in it: the system frees
 * that when the process dies, which a file with a process id in it would not.
 *
 * @throws log_unavailable when someone has it, or the folder cannot be made or written
 */
export function lockFolder(folder: string): FolderLock {
  let db: Database | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    db = new Database(join(folder, "lock"), { create: true, readwrite: true, strict: true });
    db.run("PRAGMA busy_timeout = 0");
    db.run("BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close(true);
    const why =
      error instanceof SQLiteError && error.code === "SQLITE_BUSY"
        ? "it is in use by another process"
        : `it cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    throw new AppError("log_unavailable", `Cannot open the log in ${folder}: ${why}`, {
      cause: error,
    });
  }
  const held = db;
  return { release: () => held.close(true) };
}
