/** Hashes whose results are kept in logs and stores: an implementation MUST NOT ever change one. */
export interface Digest {
  /** SHA-256 of the UTF-8, first 96 bits, base64url: 16 characters. For scopes; not secret. */
  scope(text: string): string;
  /** xxHash64 (seed 0) of the UTF-8 in base 36. Guards against mistakes, not against attackers. */
  fingerprint(text: string): string;
}
