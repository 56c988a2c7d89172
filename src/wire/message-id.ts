/**
 * The message id `<key>.<scope>`: the key first, so that ids of time-ordered keys are nearly in
 * order, then the scope, a hash of tenant, conversation and sender. Rejected: hashing the key too,
 * which costs a digest for each message and hides the time.
 */
export function messageId(key: string, scope: string): string {
  return key + idEndOf(scope);
}

/** What follows the key in the ids of one scope. */
export function idEndOf(scope: string): string {
  return `.${scope}`;
}

/** What a scope is the hash of (SHA-256, first 96 bits, base64url): cached for each subscription. */
export function scopeInput(tenant: string, conversation: string, sender: string): string {
  return JSON.stringify([tenant, conversation, sender]);
}

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7/;

/** Milliseconds since 1970 of a UUIDv7 key (RFC 9562, 5.7), or undefined for any other key or id. */
export function keyTime(idOrKey: string): number | undefined {
  const match = UUID_V7.exec(idOrKey);
  return match ? Number.parseInt(`${match[1]}${match[2]}`, 16) : undefined;
}
