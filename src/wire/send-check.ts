import { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { sendSchema, type SendCommand } from "./command.ts";
import { isJsonObject, parseObject, type JsonObject } from "./json-object.ts";
import { exceedsBytes } from "./name.ts";
import { firstRefusal } from "./refusal.ts";
import { nestsDeeper, sliceMember } from "./scan.ts";

/** Body of `POST /v1/conversations/{id}/messages`: a `send` whose conversation is in the address. */
export const sendBodySchema = sendSchema
  .omit({ conversation: true, traceparent: true })
  .partial({ key: true })
  .meta({ id: "SendBody" });

/** A message as an HTTP body gives it. */
export interface SendBody extends Pick<SendCommand, "attempt" | "kind" | "content"> {
  /** Undefined: the client chose none here. */
  readonly key: string | undefined;
}

// Content is checked by hand: the schema would copy every member of it.
const fieldsSchema = sendSchema.omit({ content: true });
const bodyFieldsSchema = sendBodySchema.omit({ content: true });

/**
 * Checks the body of a `send` that JSON.parse made.
 *
 * @param raw the text that `body` was made of, without line breaks
 */
export function checkSend(
  body: unknown,
  raw: string,
  limits: Limits,
): Omit<SendCommand, "verb" | "id"> | AppError {
  const result = fieldsSchema.safeParse(body);
  if (!result.success) return firstRefusal("send", body, result.error);
  const content = checkContent("send.content", body as JsonObject, raw, limits);
  if (content instanceof AppError) return content;
  const { conversation, key, attempt, type, traceparent } = result.data;
  return { conversation, key, attempt: attempt ?? 0, kind: type ?? "text", content, traceparent };
}

/**
 * Reads the body of an HTTP request. Content is returned as the client wrote it, with line breaks
 * between its tokens made spaces, since records and frames are lines.
 *
 * @param text at most `httpBodyBytesMax` long; the server sees to it
 */
export function parseSendBody(text: string, limits: Limits): SendBody | AppError {
  // One less than a frame, whose line is an object around the command's body.
  const depthMax = limits.frameDepthMax - 1;
  if (nestsDeeper(text, depthMax)) {
    const message = `body is nested more than ${depthMax} deep`;
    return new AppError("invalid_command", message, { field: "body", limit: depthMax });
  }
  const body = parseObject(text);
  if (body === undefined)
    return new AppError("invalid_command", "body is not a JSON object", { field: "body" });
  const result = bodyFieldsSchema.safeParse(body);
  if (!result.success) return firstRefusal("", body, result.error);
  // In valid JSON line breaks stand between tokens only.
  const content = checkContent("content", body, text.replace(/[\r\n]/g, " "), limits);
  if (content instanceof AppError) return content;
  const { key, attempt, type } = result.data;
  return { key, attempt: attempt ?? 0, kind: type ?? "text", content };
}

function checkContent(
  field: string,
  body: JsonObject,
  raw: string,
  limits: Limits,
): string | AppError {
  const value = body["content"];
  if (value === undefined) return new AppError("invalid_command", `${field} is missing`, { field });
  if (!isJsonObject(value))
    return new AppError("invalid_content", `${field} is not a JSON object`, { field });
  const content = sliceMember(raw, "content");
  if (content === undefined) throw new Error("A member that JSON.parse found is not in its text");
  const limit = limits.contentBytesMax;
  if (!exceedsBytes(content, limit)) return content;
  const message = `${field} is longer than ${limit} bytes`;
  return new AppError("content_too_large", message, { field, limit });
}
