import { randomBytes } from "node:crypto";
import { createTokenIssuer, type TokenIssuer } from "../src/adapters/jwt/issue.ts";
import { createSystemClock } from "../src/adapters/system/clock.ts";

const ISSUER = "tidegate-load";
const AUDIENCE = "tidegate";
const LIFETIME_MS = 24 * 3_600_000;
/** Whose conversations all programs of this folder use. */
export const TENANT = "load";

/** A symmetric key as JSON (RFC 7517). */
export interface TokenKey {
  readonly kty: "oct";
  readonly alg: "HS256";
  readonly kid: "load";
  readonly k: string;
}

/** A key of this run's own: what the server is started with, and tokens that it takes. */
export class RunKey {
  readonly key: TokenKey;
  #issuer: Promise<TokenIssuer> | undefined;

  /** @param key of the same run in another process; a new one when absent */
  constructor(key?: TokenKey) {
    const k = randomBytes(32).toString("base64url");
    this.key = key ?? { kty: "oct", alg: "HS256", kid: "load", k };
  }

  /** Settings with which the server knows this key and no other. */
  get settings(): Record<string, string> {
    return {
      TIDEGATE_JWT_KEYS: JSON.stringify({ keys: [this.key] }),
      TIDEGATE_JWT_ISSUER: ISSUER,
      TIDEGATE_JWT_AUDIENCE: AUDIENCE,
    };
  }

  /** A token that may do everything in every conversation of the tenant, {@link TENANT} when it is left out. */
  async token(user: string, tenant = TENANT): Promise<string> {
    this.#issuer ??= createTokenIssuer({
      key: this.key,
      issuer: ISSUER,
      audience: AUDIENCE,
      clock: createSystemClock(),
    });
    const issue = await this.#issuer;
    const capabilities = { "*": ["subscribe", "send", "history", "publish"] as const };
    return issue({ tenant, user, capabilities, lifetimeMs: LIFETIME_MS });
  }
}
