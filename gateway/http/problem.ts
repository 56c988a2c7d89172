import {
  asAppError,
  clientError,
  ERROR_TABLE,
  type AppError,
  type ErrorCode,
} from "../../src/errors.ts";
import type { Problem } from "../../src/wire/http.ts";
import { errorBody } from "../../src/wire/reply.ts";

/** The status of every error; the type makes it complete. */
export const HTTP_STATUS = {
  invalid_command: 400,
  unknown_verb: 400,
  invalid_conversation: 400,
  invalid_cursor: 400,
  invalid_content: 400,
  content_too_large: 413,
  invalid_event: 400,
  too_many_faults: 400,
  key_weak: 400,
  // draft-ietf-httpapi-idempotency-key-header-08, 2.6.
  key_conflict: 422,
  unauthenticated: 401,
  token_expired: 401,
  forbidden: 403,
  origin_forbidden: 403,
  not_connected: 409,
  already_connected: 409,
  not_subscribed: 409,
  already_subscribed: 409,
  too_many_subscriptions: 409,
  not_found: 404,
  method_not_allowed: 405,
  unsupported_media_type: 415,
  redrive_refused: 422,
  already_redriven: 409,
  rate_limited: 429,
  overloaded: 503,
  draining: 503,
  log_unavailable: 503,
  store_unavailable: 503,
  disk_full: 503,
  // Not 503, after which proxies may send a request again on their own, without its key.
  unknown_outcome: 504,
  internal: 500,
  malformed_record: 500,
  fenced: 500,
  offset_mismatch: 500,
  topic_unknown: 500,
  topic_recreated: 500,
  topic_mismatch: 500,
  log_truncated: 500,
  log_expired: 500,
  log_diverged: 500,
  log_corrupt: 500,
  row_refused: 500,
  record_too_large: 500,
  schema_mismatch: 500,
  backplane_unavailable: 500,
  backplane_unsuitable: 500,
  closed: 500,
} as const satisfies Record<ErrorCode, number>;

const RETRY_AFTER_S_DEFAULT = 1;

export type HttpStatus = (typeof HTTP_STATUS)[ErrorCode];

/** An answer that is not sent yet. */
export interface ProblemParts {
  readonly status: HttpStatus;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly text: string;
}

/**
 * A problem details document (RFC 9457) for whatever was thrown.
 *
 * @param instance names this occurrence, here and in the log
 */
export function problemOf(thrown: unknown, instance: string): ProblemParts {
  const error = clientError(asAppError(thrown));
  const { message, ...members } = errorBody(error);
  const status = HTTP_STATUS[error.code];
  const problem: Problem = {
    type: `urn:tidegate:problem:${error.code}`,
    title: ERROR_TABLE[error.code].message,
    status,
    detail: message,
    instance,
    ...members,
  };
  const headers: Record<string, string> = { "Content-Type": "application/problem+json" };
  const retryAfter = retryAfterSeconds(error, status);
  if (retryAfter !== undefined) headers["Retry-After"] = String(retryAfter);
  const challenge = bearerChallenge(error.code);
  if (challenge !== undefined) headers["WWW-Authenticate"] = challenge;
  return { status, headers, text: JSON.stringify(problem) };
}

/** Whole seconds (RFC 9110, 10.2.3), rounded up: too early is another refusal. */
function retryAfterSeconds(error: AppError, status: number): number | undefined {
  if (error.retryAfterMs !== undefined) return Math.max(1, Math.ceil(error.retryAfterMs / 1000));
  return status === 429 || status === 503 ? RETRY_AFTER_S_DEFAULT : undefined;
}

/** RFC 6750, 3. */
function bearerChallenge(code: ErrorCode): string | undefined {
  if (code === "unauthenticated") return "Bearer";
  if (code === "token_expired") return 'Bearer error="invalid_token"';
  return code === "forbidden" ? 'Bearer error="insufficient_scope"' : undefined;
}
