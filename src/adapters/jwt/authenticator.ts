import { decodeProtectedHeader, errors, importJWK, jwtVerify, type JWTPayload } from "jose";
import { AppError } from "../../errors.ts";
import type { VerificationKey } from "../../key-set.ts";
import type { Limits } from "../../limits.ts";
import type { Authenticator, Identity } from "../../ports/authenticator.ts";
import type { Clock } from "../../ports/clock.ts";
import { claimsIdentity } from "./claims.ts";

export interface JwtAuthenticatorOptions {
  readonly keys: readonly VerificationKey[];
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Pick<Clock, "now">;
  readonly limits: Limits;
}

interface ImportedKey {
  readonly alg: string;
  readonly key: Awaited<ReturnType<typeof importJWK>>;
}

/**
 * Types that may be in a token's header (compared as RFC 7515, 4.1.9 says, without "application/").
 * Any other type was made for another use and is refused (RFC 8725, 3.11 and 3.12).
 */
const TYPES: ReadonlySet<string> = new Set(["jwt", "at+jwt"]);

const unauthenticated = (message: string, cause?: unknown): AppError =>
  new AppError("unauthenticated", message, { cause });

/**
 * Checks JWTs (RFC 7519) against a fixed key set. A token names its key by `kid`, and the key alone
 * says the algorithm: what the token's header claims is only compared. Keys never come from the
 * token (`jwk`, `jku`, `x5u` are ignored).
 *
 * @throws Error when a key cannot be imported
 */
export async function createJwtAuthenticator(
  options: JwtAuthenticatorOptions,
): Promise<Authenticator> {
  const keys = new Map<string, ImportedKey>();
  for (const jwk of options.keys) {
    keys.set(jwk.kid, { alg: jwk.alg, key: await importJWK(jwk, jwk.alg) });
  }
  return { authenticate: (token) => authenticate(token, keys, options) };
}

async function authenticate(
  token: string,
  keys: ReadonlyMap<string, ImportedKey>,
  options: JwtAuthenticatorOptions,
): Promise<Identity> {
  const { clock, limits } = options;
  if (token.length > limits.tokenBytesMax) {
    throw unauthenticated(`The token is longer than ${limits.tokenBytesMax} bytes`);
  }
  const { alg, key } = selectKey(token, keys);
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, key, {
      algorithms: [alg],
      issuer: options.issuer,
      audience: options.audience,
      clockTolerance: limits.tokenClockToleranceMs / 1000,
      currentDate: new Date(clock.now()),
    }));
  } catch (error) {
    throw verificationError(error);
  }
  return claimsIdentity(payload, limits);
}

function selectKey(token: string, keys: ReadonlyMap<string, ImportedKey>): ImportedKey {
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(token);
  } catch (error) {
    throw unauthenticated("The token is not a signed JWT", error);
  }
  const { typ, kid, alg } = header;
  if (typ !== undefined && !isTokenType(typ)) {
    throw unauthenticated("The token's typ is not JWT or at+jwt");
  }
  if (typeof kid !== "string") throw unauthenticated("The token's header has no kid");
  const key = keys.get(kid);
  if (!key) throw unauthenticated("The token's kid is not known here");
  if (alg !== key.alg)
    throw unauthenticated(`The token's alg is not ${key.alg}, which its key is for`);
  return key;
}

function isTokenType(typ: unknown): boolean {
  return typeof typ === "string" && TYPES.has(typ.toLowerCase().replace(/^application\//, ""));
}

/** Messages name the check that failed, and nothing of the token's content. */
function verificationError(error: unknown): AppError {
  if (error instanceof errors.JWTExpired) {
    return new AppError("token_expired", undefined, { cause: error });
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const state = error.reason === "missing" ? "is missing" : "is not accepted";
    return unauthenticated(`The token's ${error.claim} ${state}`, error);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return unauthenticated("The token's signature is not valid", error);
  }
  if (error instanceof errors.JOSEError)
    return unauthenticated("The token is not a valid JWT", error);
  return new AppError("internal", undefined, { cause: error });
}
