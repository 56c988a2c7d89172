import { AppError } from "../../src/errors.ts";
import { keyFault } from "../../src/wire/key.ts";
import { refusalDetail } from "../../src/wire/refusal.ts";

const FIELD = "Idempotency-Key";
/** An sf-string (RFC 8941, 3.3.3). Keys have no quote or backslash, so escapes need no reading. */
const QUOTED = /^"([\x20-\x7e]*)"$/;

/**
 * The message key of a request's Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-08): a
 * quoted string, or the key alone, which is what most clients send.
 *
 * @throws AppError `key_weak`
 */
export function parseIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const key = QUOTED.exec(text)?.[1] ?? text;
  const fault = keyFault(key);
  if (fault !== undefined)
    throw new AppError("key_weak", `${FIELD} ${fault}`, refusalDetail(FIELD, fault));
  return key;
}

/**
 * The one key of a message that may have it in its header, its body, or both.
 *
 * @throws AppError `invalid_command` when they differ
 */
export function singleKey(
  header: string | undefined,
  body: string | undefined,
): string | undefined {
  if (header !== undefined && body !== undefined && header !== body) {
    throw new AppError("invalid_command", `key is another one than ${FIELD}`, { field: "key" });
  }
  return header ?? body;
}
