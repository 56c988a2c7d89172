import { z } from "zod";
import { limitsWith } from "./limits.ts";

const limits = limitsWith();

/** What tokens may be signed with (RFC 7518, RFC 8037). Each key allows exactly one of them. */
export const JWT_ALGORITHMS = ["HS256", "RS256", "ES256", "EdDSA"] as const;
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** Key ids of development keys begin with this, so that no production set can hold one. */
export const DEV_KEY_PREFIX = "dev-";

const SECRET_BYTES_MIN = 32;
const MODULUS_BYTES_MIN = 256;
const base64url = z
  .string({ error: "is missing" })
  .regex(/^[A-Za-z0-9_-]+$/, { error: "is not base64url" });
const bytes = (text: string): number => Math.floor((text.length * 3) / 4);

const only = <const T extends string>(value: T) =>
  z.literal(value, { error: `is missing or not "${value}"` });
const KID_FAULT = { error: `is missing or not 1 to ${limits.keyIdCharsMax} characters` };

const common = {
  kid: z.string(KID_FAULT).min(1, KID_FAULT).max(limits.keyIdCharsMax, KID_FAULT),
  use: z.literal("sig", { error: 'is not "sig"' }).exactOptional(),
  key_ops: z
    .array(z.string())
    .refine((ops) => ops.includes("verify"), { error: 'must include "verify"' })
    .exactOptional(),
};
const asymmetric = {
  ...common,
  d: z.never({ error: "is the private part, which a gateway must not have" }).exactOptional(),
};

const keySchema = z.discriminatedUnion(
  "alg",
  [
    z.object({
      ...common,
      alg: z.literal("HS256"),
      kty: only("oct"),
      k: base64url.refine((k) => bytes(k) >= SECRET_BYTES_MIN, {
        error: `holds fewer than ${SECRET_BYTES_MIN} bytes`,
      }),
    }),
    z.object({
      ...asymmetric,
      alg: z.literal("RS256"),
      kty: only("RSA"),
      n: base64url.refine((n) => bytes(n) >= MODULUS_BYTES_MIN, {
        error: `has fewer than ${MODULUS_BYTES_MIN * 8} bits`,
      }),
      e: base64url,
    }),
    z.object({
      ...asymmetric,
      alg: z.literal("ES256"),
      kty: only("EC"),
      crv: only("P-256"),
      x: base64url,
      y: base64url,
    }),
    z.object({
      ...asymmetric,
      alg: z.literal("EdDSA"),
      kty: only("OKP"),
      crv: only("Ed25519"),
      x: base64url,
    }),
  ],
  { error: `is missing or not one of ${JWT_ALGORITHMS.join(", ")}` },
);

/** A JSON Web Key (RFC 7517) whose algorithm is fixed by `alg`, as RFC 8725 (3.1) asks. */
export type VerificationKey = z.infer<typeof keySchema>;

const keySetSchema = z.object(
  {
    keys: z
      .array(keySchema, { error: "is missing or no list" })
      .min(1, { error: "is empty" })
      .max(limits.jwtKeysMax, { error: `has more than ${limits.jwtKeysMax}` }),
  },
  { error: 'is no object {"keys": […]}' },
);

export type KeySetResult =
  | { readonly ok: true; readonly keys: readonly VerificationKey[] }
  | { readonly ok: false; readonly faults: readonly string[] };

/** The keys of a JSON Web Key Set's text, or all that is wrong with it. Faults hold no key material. */
export function parseKeySet(text: string): KeySetResult {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, faults: ["is not JSON"] };
  }
  const parsed = keySetSchema.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join(".")}: ${message}`,
    );
    return { ok: false, faults };
  }
  const { keys } = parsed.data;
  const twice = new Set(keys.map((key) => key.kid).filter((kid, i, all) => all.indexOf(kid) !== i));
  if (twice.size > 0)
    return { ok: false, faults: [...twice].map((kid) => `kid ${kid} is there twice`) };
  return { ok: true, keys };
}
