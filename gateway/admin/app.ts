import { AppError, asAppError, clientError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import type { DeadLetterQuery, DeadLetters } from "../../src/ports/dead-letters.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import { redriveBodySchema, type Overview } from "../../src/wire/admin.ts";
import { isTenant } from "../../src/wire/name.ts";
import { firstRefusal } from "../../src/wire/refusal.ts";
import { problemOf } from "../http/problem.ts";
import { readJsonText } from "../http/read-body.ts";
import { detailBody, letterBody, redrivenBody } from "./body.ts";
import type { AdminGate } from "./gate.ts";

export interface AdminAppOptions {
  /** Undefined where there is no admin key: then nothing is here. */
  readonly gate: Pick<AdminGate, "refusal"> | undefined;
  readonly deadLetters: DeadLetters;
  readonly overview: () => Promise<Overview>;
  readonly random: Pick<Random, "uuidv7">;
  readonly telemetry: Telemetry;
  readonly limits: Limits;
}

const ROOT = "/v1/admin/";
const LETTERS = "dead-letters";
const BEARER = /^Bearer +(\S+)$/i;
const NO_KEY = "there is no admin API: set TIDEGATE_ADMIN_KEY to have it";

/**
 * The admin API, for the ops page and for `bun run tidegate dead-letters`. There is no CORS here:
 * pages of other origins have no business with it.
 * @returns undefined for every address outside `/v1/admin/`
 */
export function createAdminApp(
  options: AdminAppOptions,
): (request: Request) => Promise<Response> | undefined {
  const { gate, random, telemetry } = options;
  return (request) => {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(ROOT)) return undefined;
    return respond(url, request).catch((error: unknown) => {
      const instance = `urn:uuid:${random.uuidv7()}`;
      if (clientError(asAppError(error)).code === "internal")
        telemetry.log("error", "a request failed", { instance, error });
      const { status, headers, text } = problemOf(error, instance);
      const allow = error instanceof WrongMethod ? { Allow: error.allow } : {};
      return new Response(text, { status, headers: { ...headers, ...GUARD, ...allow } });
    });
  };

  async function respond(url: URL, request: Request): Promise<Response> {
    if (gate === undefined) throw new AppError("not_found", NO_KEY);
    const key = BEARER.exec(request.headers.get("authorization") ?? "")?.[1];
    const refused = gate.refusal(key);
    if (refused !== undefined) throw refused;
    return Response.json(await answer(options, url, request), { headers: GUARD });
  }
}

const GUARD = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

async function answer(options: AdminAppOptions, url: URL, request: Request): Promise<unknown> {
  const { deadLetters, overview, limits } = options;
  const [part = "", id, verb, ...rest] = url.pathname.slice(ROOT.length).split("/");
  if (rest.length > 0) throw new AppError("not_found");
  if (part === "overview" && id === undefined) {
    mustBe(request, "GET");
    return overview();
  }
  if (part !== LETTERS) throw new AppError("not_found");
  if (id === undefined) {
    mustBe(request, "GET");
    const { letters, next } = await deadLetters.list(queryOf(url.searchParams, limits));
    return { letters: letters.map(letterBody), ...(next === undefined ? {} : { next }) };
  }
  const name = decoded(id);
  if (verb === undefined) {
    mustBe(request, "GET");
    const found = await deadLetters.find(name);
    if (found === undefined) throw new AppError("not_found", "there is no such dead letter");
    return detailBody(found);
  }
  if (verb !== "redrive") throw new AppError("not_found");
  mustBe(request, "POST");
  const redriven = await deadLetters.redrive(name, await againOf(request, limits));
  // Who changes what is written down is what operators ask afterwards.
  options.telemetry.log("info", "a dead letter was redriven", {
    letter: redriven.id,
    message: redriven.message,
    partition: `${redriven.topic}/${redriven.partition}`,
    offset: redriven.offset,
  });
  return redrivenBody(redriven);
}

/** Tells the method that there is (RFC 9110, 15.5.6). */
class WrongMethod extends AppError {
  readonly allow: string;

  constructor(allow: string) {
    super("method_not_allowed");
    this.allow = allow;
  }
}

/** @throws WrongMethod */
function mustBe({ method }: Request, wanted: "GET" | "POST"): void {
  if (method !== wanted) throw new WrongMethod(wanted);
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch (cause) {
    throw new AppError("not_found", undefined, { cause });
  }
}

function queryOf(query: URLSearchParams, limits: Limits): DeadLetterQuery {
  const [pool, tenant, after, limit] = ["pool", "tenant", "after", "limit"].map(
    (name) => query.get(name) ?? undefined,
  );
  if (tenant !== undefined && !isTenant(tenant))
    throw new AppError("invalid_command", "tenant is no tenant's name", { field: "tenant" });
  const isCount = limit === undefined || /^[1-9][0-9]{0,5}$/.test(limit);
  const lettersMax = Number(limit ?? limits.deadLetterListMax);
  if (!isCount || lettersMax > limits.deadLetterListMax)
    throw new AppError("invalid_command", `limit is not 1 to ${limits.deadLetterListMax}`, {
      field: "limit",
      limit: limits.deadLetterListMax,
    });
  return {
    lettersMax,
    ...(pool === undefined ? {} : { pool }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(after === undefined ? {} : { after }),
  };
}

async function againOf(request: Request, limits: Limits): Promise<boolean> {
  if (request.body === null) return false;
  const text = await readJsonText(request, limits.httpBodyBytesMax);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid_command", "body is not JSON", { field: "body", cause });
  }
  const parsed = redriveBodySchema.safeParse(body);
  if (!parsed.success) throw firstRefusal("", body, parsed.error);
  return parsed.data.again ?? false;
}
