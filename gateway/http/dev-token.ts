import type { Context } from "hono";
import { AppError } from "../../src/errors.ts";
import { CAPABILITIES } from "../../src/policy/capability.ts";
import { devTokenBodySchema, type DevTokenReply } from "../../src/wire/http.ts";
import { firstRefusal } from "../../src/wire/refusal.ts";
import type { HttpDeps, MintToken } from "./deps.ts";
import { readJsonText } from "./read-body.ts";

/** The only tenant that development tokens can be made for. */
const DEMO_TENANT = "demo";
const IN_ROOM = CAPABILITIES.filter((capability) => capability !== "publish");

/** Gives a token to whoever asks, for the demo page: there while the development key is in use. */
export async function makeDevToken(
  context: Context,
  deps: HttpDeps,
  mintToken: MintToken,
): Promise<Response> {
  const body = parseJson(await readJsonText(context.req.raw, deps.limits.httpBodyBytesMax));
  const parsed = devTokenBodySchema.safeParse(body);
  if (!parsed.success) throw firstRefusal("", body, parsed.error);
  const { user, room } = parsed.data;
  const token = await mintToken({
    tenant: DEMO_TENANT,
    user,
    // Whoever is let into one room is not to publish events as well.
    capabilities: room === undefined ? { "*": CAPABILITIES } : { [room]: IN_ROOM },
    lifetimeMs: deps.limits.devTokenLifetimeMs,
  });
  return context.json({ token, tenant: DEMO_TENANT, user } satisfies DevTokenReply);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("invalid_command", "body is not JSON", { field: "body", cause: error });
  }
}
