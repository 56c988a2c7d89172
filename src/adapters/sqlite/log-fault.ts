import { SQLiteError } from "bun:sqlite";
import { AppError, asAppError, type ErrorCode } from "../../errors.ts";
import type { Fault } from "./log-messages.ts";

const FULL = new Set(["SQLITE_FULL"]);
const CORRUPT = /^SQLITE_(CORRUPT|NOTADB)/;

/** What an error of the write path means for the records of that commit. */
export function writeFault(error: unknown, file: string): Fault {
  const code = sqliteCode(error);
  if (code === undefined) return asFault(error);
  if (FULL.has(code)) return { code: "disk_full", message: `No space for ${file}` };
  if (CORRUPT.test(code)) return { code: "log_corrupt", message: `${file}: ${String(error)}` };
  // A failed flush, or the index beside the log that found no space: the bytes may be in the file.
  // The next commit overwrites them, but a crash before it brings them back.
  return { code: "unknown_outcome", message: `${file}: ${String(error)} (${code})` };
}

/** What an error of reading, opening or keeping house means. */
export function readFault(error: unknown, file: string): Fault {
  const code = sqliteCode(error);
  if (code === undefined) return asFault(error);
  if (FULL.has(code) || code === "SQLITE_IOERR_SHMSIZE")
    return { code: "disk_full", message: `No space for ${file}` };
  if (CORRUPT.test(code)) return { code: "log_corrupt", message: `${file}: ${String(error)}` };
  return { code: "log_unavailable", message: `${file}: ${String(error)} (${code})` };
}

function asFault(error: unknown): Fault {
  const known = asAppError(error);
  const message = error instanceof AppError ? known.message : String(error);
  return { code: known.code satisfies ErrorCode, message };
}

function sqliteCode(error: unknown): string | undefined {
  return error instanceof SQLiteError ? (error.code ?? "SQLITE_ERROR") : undefined;
}
