import { createTokenIssuer } from "../../../src/adapters/jwt/issue.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { problemSchema } from "../../../src/wire/http.ts";
import { TENANT } from "../../token.ts";

const TIMEOUT_MS = 10_000;
const LIFETIME_MS = 60_000;
const PATH = "/v1/conversations/k6/messages";
const SECRET = /^[A-Za-z0-9_-]+$/;

/**
 * Why no run can be made at a gateway that is there: k6 itself would try for half a minute and then
 * count failures. A gateway that is busy or lacks a service is none of the reasons.
 *
 * @param environment what scripts are told
 */
export async function checkElsewhere(
  environment: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { TARGET_URL: url = "", TOKEN_SECRET: secret = "" } = environment;
  if (!SECRET.test(secret)) return "the key of --token-secret is not base64url without padding";
  const token = await tokenOf(environment, secret);
  let response: Response;
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    response = await fetch(`${url.replace(/\/+$/, "")}${PATH}`, { headers, signal });
  } catch (error) {
    return `nothing answers at ${url}: ${error instanceof Error ? error.message : String(error)}`;
  }
  const text = await response.text();
  if (response.status === 401 || response.status === 403)
    return `${url} does not take tokens that are made with this key: ${detailOf(text)}`;
  return response.status < 500 && !text.startsWith("{")
    ? `${url} is no gateway of Tidegate`
    : undefined;
}

async function tokenOf(
  environment: Readonly<Record<string, string>>,
  secret: string,
): Promise<string> {
  const issue = await createTokenIssuer({
    key: { kty: "oct", alg: "HS256", kid: environment["TOKEN_KEY_ID"] ?? "load", k: secret },
    issuer: environment["TOKEN_ISSUER"] ?? "tidegate-load",
    audience: environment["TOKEN_AUDIENCE"] ?? "tidegate",
    clock: createSystemClock(),
  });
  const capabilities = { "*": ["history"] as const };
  const tenant = environment["TENANT"] ?? TENANT;
  return issue({ tenant, user: "k6", capabilities, lifetimeMs: LIFETIME_MS });
}

function detailOf(text: string): string {
  try {
    return problemSchema.parse(JSON.parse(text)).detail;
  } catch {
    // Something before the gateway says it in its own words.
    return text.slice(0, 200);
  }
}
