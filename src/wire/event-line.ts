import { z } from "zod";
import { AppError, type ErrorDetail } from "../errors.ts";
import { limitsWith, type Limits } from "../limits.ts";
import { sendSchema, type SendCommand } from "./command.ts";
import { eventTypeFault } from "./event-type.ts";
import { isJsonObject, parseObject, type JsonObject } from "./json-object.ts";
import { exceedsBytes, nameFault } from "./name.ts";
import { refusalDetail } from "./refusal.ts";
import { nestsDeeper, sliceMember } from "./scan.ts";
import { checkSend } from "./send-check.ts";

const limits = limitsWith();
/** The last millisecond of the year 9999. */
const TIMESTAMP_MAX = 253_402_300_799_999;
const ID = /^[A-Za-z0-9_-]+$/;
const PAYLOAD = { field: "payload" } as const;

/** An event that is not chat's, as a line of a body says it. */
export interface EventLine {
  type: string;
  /** Orders events; empty: none was said. */
  key: string;
  /** Empty: none was said. */
  id: string;
  /** Decimal ms since 1970; empty: none was said. */
  timestamp: string;
  /** A JSON object's text, without line breaks. */
  payload: string;
}

const fault = (check: (value: string) => string | undefined) => ({
  error: (issue: { readonly input?: unknown }) => check(String(issue.input)) ?? "is not valid",
});
const keyFault = (key: string): string | undefined => nameFault(key, limits.eventKeyBytesMax);

const fieldsSchema = z.object({
  type: z
    .string("is not a string")
    .refine((type) => eventTypeFault(type) === undefined, fault(eventTypeFault))
    .meta({ description: "analytics.{name} or business.{domain}.{event-type}" }),
  key: z
    .string("is not a string")
    .refine((key) => keyFault(key) === undefined, fault(keyFault))
    .optional()
    .meta({ description: "Events of one key stay in order; the id when absent" }),
  id: z
    .string("is not a string")
    .min(1, "is empty")
    .max(limits.eventIdCharsMax, `is longer than ${limits.eventIdCharsMax} characters`)
    .regex(ID, "has a character outside A-Z a-z 0-9 _ -")
    .optional()
    .meta({ description: "The same each time this event is sent; made of the line when absent" }),
  timestamp: z
    .int("is not an integer")
    .min(0, "is less than 0")
    .max(TIMESTAMP_MAX, `is more than ${TIMESTAMP_MAX}`)
    .optional()
    .meta({ description: "When it happened, ms since 1970; when it was taken if absent" }),
});

/** One line of `POST /v1/events` that is not chat's. */
export const eventLineSchema = fieldsSchema
  .extend({ payload: z.record(z.string(), z.unknown()) })
  .meta({ id: "EventLine" });

/** A chat line of `POST /v1/events`: the command of a socket. */
export const sendLineSchema = z
  .object({
    send: sendSchema.extend({ traceparent: z.string().optional() }).meta({ id: "SendOfLine" }),
  })
  .meta({ id: "SendLine" });

/** What a line asks for. */
export type IngestLine =
  | { readonly verb: "send"; readonly command: Omit<SendCommand, "verb" | "id"> }
  | { readonly verb: "publish"; readonly event: EventLine };

/**
 * Reads one line of a body by JSON.parse and the schemas: slower than the scanners, and the only one
 * that can say what is wrong.
 *
 * @param line not blank; without line feeds
 */
export function readIngestLine(line: string, limits: Limits): IngestLine | AppError {
  const limit = limits.ingestLineBytesMax;
  if (exceedsBytes(line, limit)) return lineTooLong(limit);
  const depthMax = limits.frameDepthMax;
  if (nestsDeeper(line, depthMax)) {
    const message = `the line is nested more than ${depthMax} deep`;
    return refuse(message, { limit: depthMax });
  }
  const value = parseObject(line);
  if (value === undefined)
    return refuse(
      line.trimStart().startsWith("[")
        ? "the line is an array, which goes as application/json"
        : "the line is not a JSON object",
    );
  const raw = line.replaceAll("\r", " ");
  const { send } = value;
  if (send === undefined) return readEvent(value, raw, limits);
  if (value["type"] !== undefined)
    return refuse("the line is both a send and an event", { field: "send" });
  const command = checkSend(send, sliceMember(raw, "send") ?? "", limits);
  return command instanceof AppError ? command : { verb: "send", command };
}

function readEvent(value: JsonObject, raw: string, limits: Limits): IngestLine | AppError {
  const result = fieldsSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = String(issue?.path[0]);
    const isMissing = value[field] === undefined;
    const what = isMissing ? "is missing" : String(issue?.message);
    return refuse(`${field} ${what}`, refusalDetail(field, what));
  }
  const { payload } = value;
  if (payload === undefined) return refuse("payload is missing", PAYLOAD);
  if (!isJsonObject(payload)) return refuse("payload is not a JSON object", PAYLOAD);
  const text = sliceMember(raw, "payload");
  if (text === undefined) throw new Error("A member that JSON.parse found is not in its text");
  const limit = limits.contentBytesMax;
  if (exceedsBytes(text, limit)) {
    const message = `payload is longer than ${limit} bytes`;
    return new AppError("content_too_large", message, { ...PAYLOAD, limit });
  }
  const { type, key = "", id = "", timestamp } = result.data;
  const event = { type, key, id, timestamp: String(timestamp ?? ""), payload: text };
  return { verb: "publish", event };
}

/** What a line that is longer than it may be is told. */
export function lineTooLong(limit: number): AppError {
  return new AppError("content_too_large", `the line is longer than ${limit} bytes`, { limit });
}

function refuse(message: string, detail?: ErrorDetail): AppError {
  return new AppError("invalid_event", message, detail);
}
