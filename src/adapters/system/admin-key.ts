import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const KEY_BYTES = 24;

/** A key for this run alone, as text for an address. */
export function makeAdminKey(): string {
  return randomBytes(KEY_BYTES).toString("base64url");
}

/**
 * What tells the admin key from any other text, in a time that depends on neither. Hashes are
 * compared, as the comparison takes equal lengths only and a length is a hint.
 */
export function adminKeyCheck(key: string): (given: string) => boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  const wanted = hash(key);
  return (given) => timingSafeEqual(hash(given), wanted);
}
