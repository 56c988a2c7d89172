import type { TidegateError } from "../../../src/client/tidegate.ts";

const TEXTS: Record<string, string> = {
  content_too_large: "it is too long",
  forbidden: "you may not write here",
  invalid_conversation: "this room's name is not valid",
  key_conflict: "another message has the same key",
  queue_full: "too many messages are waiting",
  closed: "the connection was closed",
  unauthenticated: "your token was not accepted",
};

/** Why something failed, as the end of a sentence. */
export function reasonText(error: Pick<TidegateError, "code" | "message">): string {
  return TEXTS[error.code] ?? error.message;
}
