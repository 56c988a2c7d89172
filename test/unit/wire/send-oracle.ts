import { limitsWith } from "../../../src/limits.ts";
import { sendSchema, type SendCommand } from "../../../src/wire/command.ts";
import type { JsonObject } from "../../../src/wire/json-object.ts";
import { utf8Length } from "../../../src/wire/name.ts";

const limits = limitsWith();

/** What a line means by JSON.parse and the schema alone; content is a value here, not text. */
export type Expected =
  | (Omit<SendCommand, "verb" | "content"> & { readonly content: unknown })
  | "refused";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/**
 * Reads a line the slow and obvious way. Nesting and size are judged on the parsed value, so they
 * differ from the text's where a name is repeated; the caller keeps its inputs off that.
 */
export function readSlowly(line: string): Expected {
  let value: JsonObject;
  try {
    value = JSON.parse(line) as JsonObject;
  } catch {
    return "refused";
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "refused";
  if (depthOf(value) > limits.frameDepthMax) return "refused";
  const id = value["id"];
  if (!Number.isSafeInteger(id) || (id as number) < 1) return "refused";
  const others = ["connect", "refresh", "subscribe", "unsubscribe", "history"];
  if (others.some((verb) => Object.hasOwn(value, verb))) return "refused";
  const result = sendSchema.safeParse(value["send"]);
  if (!result.success) return "refused";
  const { conversation, key, attempt, type, traceparent } = result.data;
  // The schema's own copy of content drops a member named __proto__.
  const { content } = value["send"] as { content: unknown };
  if (utf8Length(JSON.stringify(content)) > limits.contentBytesMax) return "refused";
  return {
    id: id as number,
    conversation,
    key,
    attempt: attempt ?? 0,
    kind: type ?? "text",
    content,
    traceparent,
  };
}
