import {
  exportJWK,
  generateKeyPair,
  generateSecret,
  SignJWT,
  type JWTHeaderParameters,
} from "jose";
import { createJwtAuthenticator } from "../../src/adapters/jwt/authenticator.ts";
import { parseKeySet, type JwtAlgorithm, type VerificationKey } from "../../src/key-set.ts";
import { limitsWith } from "../../src/limits.ts";
import type { Authenticator } from "../../src/ports/authenticator.ts";

export const NOW_MS = 1_795_254_378_085;
export const CLAIMS = {
  iss: "https://login.example",
  aud: "tidegate",
  tenant: "acme",
  sub: "ana",
} as const;

/** A key pair (or secret) with its public part as the gateway is told of it. */
export interface TestKey {
  readonly jwk: VerificationKey;
  sign(
    claims: Readonly<Record<string, unknown>>,
    header?: Partial<JWTHeaderParameters>,
  ): Promise<string>;
}

export async function testKey(alg: JwtAlgorithm, kid: string): Promise<TestKey> {
  const pair =
    alg === "HS256"
      ? await generateSecret(alg, { extractable: true }).then((s) => ({
          publicKey: s,
          privateKey: s,
        }))
      : await generateKeyPair(alg, { extractable: true });
  const exported = { ...(await exportJWK(pair.publicKey)), kid, alg };
  const parsed = parseKeySet(JSON.stringify({ keys: [exported] }));
  const jwk = parsed.ok ? parsed.keys[0] : undefined;
  if (jwk === undefined) throw new Error(`not a key: ${JSON.stringify(parsed)}`);
  return {
    jwk,
    sign: (claims, header = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg, kid, typ: "JWT", ...header })
        .sign(pair.privateKey),
  };
}

/** An authenticator at {@link NOW_MS} that trusts these keys. */
export function testAuthenticator(...keys: readonly TestKey[]): Promise<Authenticator> {
  return createJwtAuthenticator({
    keys: keys.map((key) => key.jwk),
    issuer: CLAIMS.iss,
    audience: CLAIMS.aud,
    clock: { now: () => NOW_MS },
    limits: limitsWith(),
  });
}

/** A token with any header and signature, to the letter. */
export function rawToken(header: unknown, claims: unknown, signature = ""): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(claims)}.${signature}`;
}
