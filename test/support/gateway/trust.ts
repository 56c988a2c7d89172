import { JWT_ALGORITHMS, type JwtAlgorithm } from "../../../src/key-set.ts";
import type { CapabilityMap } from "../../../src/policy/capability.ts";
import { testKey, type TestKey } from "../jwt.ts";

const ISSUER = "https://login.example";
const AUDIENCE = "tidegate-test";
const ALL: CapabilityMap = { "*": ["subscribe", "send", "history"] };

/** What a token is to say; all but the user has a default. */
export interface Grant {
  readonly user: string;
  readonly tenant?: string;
  readonly capabilities?: CapabilityMap;
  /** Seconds since 1970; undefined: an hour from now. */
  readonly expiresAt?: number;
  readonly notBefore?: number;
  readonly issuer?: string;
  readonly audience?: string;
}

/** One key of each algorithm that a gateway knows, and the tokens that they sign. */
class Trust {
  readonly #keys: ReadonlyMap<JwtAlgorithm, TestKey>;

  private constructor(keys: ReadonlyMap<JwtAlgorithm, TestKey>) {
    this.#keys = keys;
  }

  static async create(): Promise<Trust> {
    const made = JWT_ALGORITHMS.map(
      async (alg) => [alg, await testKey(alg, `key-${alg}`)] as const,
    );
    return new Trust(new Map(await Promise.all(made)));
  }

  /** The settings with which a gateway trusts these keys. */
  get settings(): Readonly<Record<string, string>> {
    const keys = [...this.#keys.values()].map(({ jwk }) => jwk);
    return {
      TIDEGATE_JWT_KEYS: JSON.stringify({ keys }),
      TIDEGATE_JWT_ISSUER: ISSUER,
      TIDEGATE_JWT_AUDIENCE: AUDIENCE,
    };
  }

  key(alg: JwtAlgorithm): TestKey {
    const key = this.#keys.get(alg);
    if (key === undefined) throw new Error(`there is no key for ${alg}`);
    return key;
  }

  /** What a token of this grant says. */
  claims(grant: Grant): Readonly<Record<string, unknown>> {
    const { user, tenant = "acme", capabilities = ALL, notBefore } = grant;
    return {
      iss: grant.issuer ?? ISSUER,
      aud: grant.audience ?? AUDIENCE,
      sub: user,
      exp: grant.expiresAt ?? nowSeconds() + 3_600,
      ...(notBefore === undefined ? {} : { nbf: notBefore }),
      tenant,
      capabilities,
    };
  }

  token(grant: Grant, alg: JwtAlgorithm = "HS256"): Promise<string> {
    return this.key(alg).sign(this.claims(grant));
  }
}

export function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}

/** Made once for a run of tests: an RSA key takes a while. */
export const trust = await Trust.create();
