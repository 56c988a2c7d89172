import type { Context } from "hono";
import { AppError } from "../../src/errors.ts";
import { historySchema } from "../../src/wire/command.ts";
import { conversationFault } from "../../src/wire/name.ts";
import { TRACEPARENT } from "../../src/wire/record.ts";
import { firstRefusal, refusalDetail } from "../../src/wire/refusal.ts";
import { parseSendBody } from "../../src/wire/send-check.ts";
import { httpEntry } from "../trace/entry.ts";
import { bearerIdentity } from "./bearer.ts";
import type { HttpDeps } from "./deps.ts";
import { parseIdempotencyKey, singleKey } from "./idempotency-key.ts";
import { readJsonText } from "./read-body.ts";

const ADDRESS = /^\/v1\/conversations\/([^/]+)\/messages$/;
const FIRST_ATTEMPT = 1;

/**
 * Appends a message: 201 when it is certainly the first try of its key, 200 when it may repeat an
 * earlier one (its outcome is the same, and the message is placed once).
 */
export async function sendMessage(context: Context, deps: HttpDeps): Promise<Response> {
  const { authenticator, clock, limits, messages, random } = deps;
  const startedAt = clock.monotonic();
  const identity = await bearerIdentity(authenticator, context.req.header("Authorization"));
  const entry = httpEntry(startedAt, clock.monotonic());
  const conversation = conversationOf(context.req.url);
  const headerKey = parseIdempotencyKey(context.req.header("Idempotency-Key"));
  const text = await readJsonText(context.req.raw, limits.httpBodyBytesMax);
  const body = parseSendBody(text, limits);
  if (body instanceof AppError) throw body;
  const { kind, content } = body;
  const chosen = singleKey(headerKey, body.key);
  const key = chosen ?? random.uuidv7();
  // Nobody else can have sent under a key that was made here.
  const attempt = chosen === undefined ? FIRST_ATTEMPT : body.attempt;
  const traceparent = context.req.header(TRACEPARENT);
  const command = { conversation, key, attempt, kind, content, traceparent };
  const receipt = await messages.send(identity, command, entry);
  return context.json({ ...receipt, key }, attempt === FIRST_ATTEMPT ? 201 : 200);
}

/** Reads a conversation back: the history reply of the socket, events as they were written. */
export async function readMessages(context: Context, deps: HttpDeps): Promise<Response> {
  const identity = await bearerIdentity(deps.authenticator, context.req.header("Authorization"));
  const { after, before, limit } = context.req.query();
  const query = {
    conversation: conversationOf(context.req.url),
    after,
    before,
    limit: limit === undefined ? undefined : wholeNumber(limit),
  };
  const result = historySchema.safeParse(query);
  if (!result.success) throw firstRefusal("", query, result.error);
  const text = await deps.messages.history(identity, result.data);
  return context.body(text, 200, { "Content-Type": "application/json" });
}

/** A text that is no whole number stays text, which the schema then refuses by its field. */
function wholeNumber(text: string): number | string {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

/**
 * The conversation in a request's address. Taken from the raw path: a router's own decoding leaves
 * malformed escapes in place, so that two addresses would mean one conversation.
 */
function conversationOf(url: string): string {
  const raw = ADDRESS.exec(new URL(url).pathname)?.[1];
  if (raw === undefined) throw new AppError("not_found");
  let name: string;
  try {
    name = decodeURIComponent(raw);
  } catch (error) {
    throw invalidConversation("is not percent-encoded UTF-8", error);
  }
  const fault = conversationFault(name);
  if (fault !== undefined) throw invalidConversation(fault);
  return name;
}

const invalidConversation = (fault: string, cause?: unknown): AppError =>
  new AppError("invalid_conversation", `conversation ${fault}`, {
    ...refusalDetail("conversation", fault),
    cause,
  });
