import type { Context } from "hono";
import { AppError, asAppError } from "../../src/errors.ts";
import type { Identity } from "../../src/ports/authenticator.ts";
import { arrayLines } from "../../src/wire/array-lines.ts";
import type { IngestBody } from "../ingest/body.ts";
import { bearerIdentity } from "./bearer.ts";
import type { HttpDeps } from "./deps.ts";
import { parseIdempotencyKey } from "./idempotency-key.ts";
import { inflate } from "./inflate.ts";
import { mediaTypeOf, unsupported } from "./media-type.ts";
import { problemOf } from "./problem.ts";
import { readText } from "./read-body.ts";
import { Receipts } from "./receipts.ts";

const LINES = new Set(["application/x-ndjson", "application/ndjson", "application/jsonl"]);
const NDJSON = { "Content-Type": "application/x-ndjson" };
const JSON_TYPE = { "Content-Type": "application/json" };

/** A body whose form is known, and how its lines get to whoever takes them. */
type Source = (body: IngestBody) => Promise<void>;

/**
 * Takes one event, an array of them, or a stream of lines of any length: 200 when every line is
 * kept, 207 when some are, and the first fault's problem when none is.
 */
export async function publishEvents(context: Context, deps: HttpDeps): Promise<Response> {
  const { authenticator, random } = deps;
  const identity = await bearerIdentity(authenticator, context.req.header("Authorization"));
  const receipts = context.req.query("receipts") ?? "ranges";
  if (receipts !== "ranges" && receipts !== "each")
    throw new AppError("invalid_command", "receipts is neither ranges nor each", {
      field: "receipts",
    });
  const request = parseIdempotencyKey(context.req.header("Idempotency-Key")) ?? random.uuidv7();
  const source = await sourceOf(context.req.raw, deps);
  const answer = receipts === "each" ? answerEach : answerRanges;
  return answer(context, deps, identity, request, source);
}

/** @throws unsupported_media_type; for a body that is no stream of lines, all that is wrong with it */
async function sourceOf(request: Request, { limits }: HttpDeps): Promise<Source> {
  const { type, isGzip } = mediaTypeOf(request.headers);
  const isLines = LINES.has(type);
  if (!isLines && type !== "application/json") {
    const message = "Content-Type is neither application/json nor application/x-ndjson";
    throw unsupported("Content-Type", message);
  }
  const { body: raw } = request;
  const stream = raw !== null && isGzip ? inflate(raw, limits) : raw;
  if (isLines) return async (body) => (stream === null ? undefined : body.readLines(stream));
  const text = await readText(stream, limits.ingestBodyBytesMax, "invalid_event");
  const lines = arrayLines(text, limits.frameDepthMax);
  if (lines instanceof AppError) throw lines;
  return (body) => body.takeLines(lines);
}

async function answerRanges(
  context: Context,
  deps: HttpDeps,
  identity: Identity,
  request: string,
  source: Source,
): Promise<Response> {
  const report = await deps.ingest.take(identity, request, undefined, async (body) => {
    await source(body);
    return body.report;
  });
  const reply = report.reply();
  const { failure } = report;
  if (failure !== undefined) {
    const instance = `urn:uuid:${deps.random.uuidv7()}`;
    const { status, headers, text } = problemOf(failure, instance);
    return context.body(JSON.stringify({ ...JSON.parse(text), ...reply }), status, headers);
  }
  const isWhole = reply.complete && reply.faults.length === 0;
  // Through the context, which adds the headers that were set before.
  return context.body(JSON.stringify(reply), isWhole ? 200 : 207, JSON_TYPE);
}

async function answerEach(
  context: Context,
  deps: HttpDeps,
  identity: Identity,
  request: string,
  source: Source,
): Promise<Response> {
  const receipts = new Receipts(deps.limits.ingestReceiptsBytesMax);
  const opened = Promise.withResolvers<void>();
  const taken = deps.ingest.take(identity, request, receipts, async (body) => {
    receipts.read = () => body.wake();
    receipts.left = () => body.stop(new AppError("closed", "the client has gone"));
    receipts.begin(request);
    opened.resolve();
    await source(body);
    receipts.end(body.report.summary());
  });
  // Whatever is refused before the first line is an answer of its own.
  taken.catch((error: unknown) => {
    opened.reject(error);
    receipts.fail(asAppError(error));
  });
  await opened.promise;
  return context.body(receipts.stream, 200, NDJSON);
}
