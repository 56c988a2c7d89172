import { importJWK, SignJWT } from "jose";
import type { VerificationKey } from "../../key-set.ts";
import type { CapabilityMap } from "../../policy/capability.ts";
import type { Clock } from "../../ports/clock.ts";

/** What a token is to say. */
export interface TokenGrant {
  readonly tenant: string;
  readonly user: string;
  readonly capabilities: CapabilityMap;
  /** Time until it expires. */
  readonly lifetimeMs: number;
}

export type TokenIssuer = (grant: TokenGrant) => Promise<string>;

export interface TokenIssuerOptions {
  readonly key: Extract<VerificationKey, { alg: "HS256" }>;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Pick<Clock, "now">;
}

/** Makes tokens with a shared secret: for the development key's page and tools. */
export async function createTokenIssuer(options: TokenIssuerOptions): Promise<TokenIssuer> {
  const { key, issuer, audience, clock } = options;
  const secret = await importJWK(key, key.alg);
  return ({ tenant, user, capabilities, lifetimeMs }) => {
    const nowSeconds = Math.floor(clock.now() / 1000);
    return new SignJWT({ tenant, capabilities })
      .setProtectedHeader({ alg: key.alg, typ: "JWT", kid: key.kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(user)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + Math.floor(lifetimeMs / 1000))
      .sign(secret);
  };
}
