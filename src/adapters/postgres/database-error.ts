import { SQL } from "bun";
import { AppError, type ErrorCode } from "../../errors.ts";

/**
 * What a fault of the database means to a caller, by SQLSTATE (PostgreSQL manual, appendix A).
 * Data that the server refuses is refused for good; everything that time or an operator can mend
 * is retriable: no connection, no memory, too slow, read-only, shutting down, deadlock, a missing
 * table, a wrong password.
 * @param address `host:port`, told where it did not answer at all
 */
export function databaseError(error: unknown, address: string): AppError {
  if (error instanceof AppError) return error;
  const state = sqlState(error);
  if (state !== undefined && error instanceof Error)
    return new AppError(sqlStateCode(state), `The database answered: ${error.message}`, {
      cause: error,
    });
  // Bun rejects with plain errors for certificates, and with the signal's reason for a wait.
  const isProgramFault =
    error instanceof TypeError || error instanceof SyntaxError || error instanceof RangeError;
  if (isProgramFault || !(error instanceof Error))
    return new AppError("internal", undefined, { cause: error });
  return new AppError(
    "store_unavailable",
    `The database at ${address} cannot be reached (${error.message}): look at DATABASE_URL`,
    { cause: error },
  );
}

/** SQLSTATE, or undefined when the error is not the server's. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof SQL.PostgresError ? error.errno : undefined;
}

/** Whether the connection ended, so that what was asked last may or may not have happened. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof SQL.SQLError)) return false;
  const state = sqlState(error);
  // 57P01 to 57P03: the server ends the session; 08: connection exceptions.
  return state === undefined || state.startsWith("57P") || state.startsWith("08");
}

function sqlStateCode(state: string): ErrorCode {
  if (state === "53100") return "disk_full";
  // 22: data exception; 23: integrity constraint; 54: a value that is too large for the server.
  return /^(22|23|54)/.test(state) ? "row_refused" : "store_unavailable";
}
