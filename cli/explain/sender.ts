import { parseObject } from "../../src/wire/json-object.ts";

/** The sender of an event's text. */
export function senderOf(event: string): string | undefined {
  const sender = parseObject(event)?.["sender"];
  return typeof sender === "string" ? sender : undefined;
}
