import type { ErrorBody } from "../wire/frame.ts";

/** What goes wrong on the client's own side; every other code is the server's. */
export type ClientErrorCode =
  | "closed"
  | "connection_refused"
  | "disconnected"
  | "queue_full"
  | "token_failed"
  | "too_many_requests";

export interface ErrorFacts {
  /** Whether the same call may succeed later without being changed. */
  readonly retriable?: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly field?: string | undefined;
  readonly limit?: number | undefined;
  readonly cause?: unknown;
}

/** Every error that the client rejects with, throws or reports. */
export class TidegateError extends Error {
  readonly code: ErrorBody["code"] | ClientErrorCode;
  readonly retriable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly field: string | undefined;
  readonly limit: number | undefined;

  constructor(code: TidegateError["code"], message: string, facts: ErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.name = "TidegateError";
    this.code = code;
    this.retriable = facts.retriable ?? false;
    this.retryAfterMs = facts.retryAfterMs;
    this.field = facts.field;
    this.limit = facts.limit;
  }
}

export function errorFromBody(body: ErrorBody): TidegateError {
  return new TidegateError(body.code, body.message, {
    retriable: body.retriable,
    retryAfterMs: body.retry_after_ms,
    field: body.field,
    limit: body.limit,
  });
}

/** A listener's own error belongs to the host's error handler and must not stop its neighbours. */
export function callListener(run: () => void): void {
  try {
    run();
  } catch (error) {
    const { reportError } = globalThis as { reportError?: (error: unknown) => void };
    if (reportError) return reportError(error);
    // Node has no reportError.
    queueMicrotask(() => {
      throw error;
    });
  }
}
