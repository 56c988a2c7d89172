import { hmac } from "k6/crypto";
import { b64decode, b64encode } from "k6/encoding";
import type { TokenSettings } from "./settings.ts";

const LIFETIME_SECONDS = 24 * 3_600;

/** A token (RFC 7519, HS256) that may do everything in every conversation of the tenant. */
export function signToken(settings: TokenSettings, user: string): string {
  const now = Math.floor(Date.now() / 1000);
  const header = encode({ alg: "HS256", typ: "JWT", kid: settings.keyId });
  const payload = encode({
    tenant: settings.tenant,
    capabilities: { "*": ["subscribe", "send", "history"] },
    iss: settings.issuer,
    aud: settings.audience,
    sub: user,
    iat: now,
    exp: now + LIFETIME_SECONDS,
  });
  const signed = `${header}.${payload}`;
  const key = b64decode(settings.secret, "rawurl");
  return `${signed}.${hmac("sha256", key, signed, "base64rawurl")}`;
}

const encode = (value: unknown): string => b64encode(JSON.stringify(value), "rawurl");
