interface ErrorRow {
  readonly message: string;
  /** Whether the same request may succeed later without being changed. */
  readonly retriable: boolean;
}

const row = (message: string, retriable = false): ErrorRow => ({ message, retriable });

/**
 * Every error that leaves the server, and those that components tell each other. The HTTP status
 * and the close code of each are looked up at the edge only.
 */
export const ERROR_TABLE = {
  // What a client can mend.
  invalid_command: row("The command is not valid"),
  unknown_verb: row("There is no such command"),
  invalid_conversation: row("The conversation's name is not valid"),
  invalid_cursor: row("The cursor is not valid"),
  invalid_content: row("The content is not valid"),
  content_too_large: row("The content is too large"),
  invalid_event: row("The event is not valid"),
  too_many_faults: row("Too many lines of the body are not valid"),
  key_weak: row("The message key is not valid or too easy to guess"),
  key_conflict: row("The message key was used before with other content"),
  unauthenticated: row("The token was not accepted"),
  token_expired: row("The token has expired"),
  forbidden: row("The token does not allow this"),
  origin_forbidden: row("Pages of this origin may not call here"),
  not_connected: row("The connection has not authenticated yet"),
  already_connected: row("The connection has authenticated already"),
  not_subscribed: row("The connection does not read this conversation"),
  already_subscribed: row("The connection reads this conversation already"),
  too_many_subscriptions: row("The connection reads too many conversations"),
  not_found: row("There is nothing at this address"),
  method_not_allowed: row("The address does not take this method"),
  unsupported_media_type: row("The body is not of a type that is understood here"),
  redrive_refused: row("The dead letter cannot be sent again as it is"),
  already_redriven: row("The dead letter was sent again before"),

  // What passes.
  rate_limited: row("Too many messages", true),
  overloaded: row("The server has too much to do", true),
  draining: row("The server is about to stop", true),
  log_unavailable: row("The log cannot be reached", true),
  store_unavailable: row("The store cannot be reached", true),
  disk_full: row("The disk is full", true),
  unknown_outcome: row(
    "It is not known whether the message was taken; send it again with the same key",
    true,
  ),
  internal: row("Internal error", true),

  // Between components; they reach operators, never clients.
  malformed_record: row("The record's key or headers are not valid"),
  fenced: row("Another worker owns the partition now"),
  offset_mismatch: row("The stored offset is not the expected one"),
  topic_unknown: row("There is no such topic"),
  topic_recreated: row("The topic is not the one that the stored offset belongs to"),
  topic_mismatch: row("The topic has another number of partitions than the catalog says"),
  record_too_large: row("A record is larger than the log takes"),
  log_truncated: row("The log ends before the stored offset"),
  log_expired: row("The log starts after the stored offset"),
  log_diverged: row("The record before the stored offset is another one than was stored"),
  log_corrupt: row("The log has bytes that it did not write"),
  row_refused: row("The store refuses a row"),
  schema_mismatch: row("The database's layout is not the one that this program knows"),
  backplane_unavailable: row("The backplane cannot be reached"),
  backplane_unsuitable: row("The server cannot serve as a backplane"),
  closed: row("The component is closed"),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** The rows under "Between components". */
const INNER_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "malformed_record",
  "fenced",
  "offset_mismatch",
  "topic_unknown",
  "topic_recreated",
  "topic_mismatch",
  "record_too_large",
  "log_truncated",
  "log_expired",
  "log_diverged",
  "log_corrupt",
  "row_refused",
  "schema_mismatch",
  "backplane_unavailable",
  "backplane_unsuitable",
  "closed",
]);

export interface ErrorDetail {
  /** The field at fault, as the client wrote it (`send.key`). */
  readonly field?: string;
  readonly limit?: number;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/** An expected refusal. Anything else that is thrown is a bug and becomes `internal` at the edge. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly limit: number | undefined;
  readonly retryAfterMs: number | undefined;

  /** @param message what exactly is wrong; the table's sentence if it is left out */
  constructor(code: ErrorCode, message?: string, detail: ErrorDetail = {}) {
    super(message ?? ERROR_TABLE[code].message, { cause: detail.cause });
    this.name = "AppError";
    this.code = code;
    this.field = detail.field;
    this.limit = detail.limit;
    this.retryAfterMs = detail.retryAfterMs;
  }

  get retriable(): boolean {
    return ERROR_TABLE[this.code].retriable;
  }
}

/** The error itself if it is one of ours, else `internal` with the original as its cause. */
export function asAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError("internal", undefined, { cause: error });
}

/** The error as a client may see it: one that only components tell each other becomes `internal`. */
export function clientError(error: AppError): AppError {
  return error.code === "internal" || INNER_CODES.has(error.code)
    ? new AppError("internal")
    : error;
}
