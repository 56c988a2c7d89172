import type { Digest } from "../../ports/digest.ts";

const SCOPE_CHARS = 16;
const FINGERPRINT_RADIX = 36;

/** SHA-256 (FIPS 180-4) and xxHash64 by Bun. Lone surrogates count as U+FFFD. */
export function createSystemDigest(): Digest {
  return {
    scope: (text) =>
      new Bun.CryptoHasher("sha256").update(text).digest("base64url").slice(0, SCOPE_CHARS),
    fingerprint: (text) => Bun.hash.xxHash64(text).toString(FINGERPRINT_RADIX),
  };
}
