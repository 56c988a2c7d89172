import type { CapabilityMap } from "../policy/capability.ts";

/** Who a connection or request is, and what it may do. */
export interface Identity {
  readonly tenant: string;
  readonly user: string;
  readonly capabilities: CapabilityMap;
  /** Seconds since 1970; undefined: no end. */
  readonly expiresAt: number | undefined;
}

/**
 * Turns a token into an identity. MUST fix the algorithm by the key and never by the token, MUST
 * check signature, issuer, audience, expiry and not-before (RFC 8725), and MUST reject with
 * `unauthenticated` or `token_expired` whose message says which check failed, without secrets.
 */
export interface Authenticator {
  authenticate(token: string): Promise<Identity>;
}
