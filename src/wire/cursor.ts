import { z } from "zod";
import { limitsWith } from "../limits.ts";

/** A place in a conversation: everything up to and with `seq` of `epoch` was seen. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

const CURSOR = /^([a-z0-9]{1,40})\.(0|[1-9][0-9]{0,15})$/;

/** Reads `<epoch>.<seq>`, opaque to clients by contract; undefined when the text is no cursor. */
export function parseCursor(text: string): Cursor | undefined {
  const match = CURSOR.exec(text);
  if (!match) return undefined;
  const seq = Number(match[2]);
  return Number.isSafeInteger(seq) ? { epoch: match[1] as string, seq } : undefined;
}

export const cursorSchema = z
  .string()
  .max(limitsWith().cursorBytesMax)
  .refine((text) => parseCursor(text) !== undefined, { error: "is not a cursor" })
  .meta({ description: "A place in a conversation, as the server gave it; opaque" });
