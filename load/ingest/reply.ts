import type { IngestReply } from "../../src/wire/http.ts";

/**
 * What became of a body's lines, by the text of the answer.
 * @throws with the answer when it says nothing of lines: the body was refused as a whole
 */
export function ingestReplyOf(text: string): IngestReply {
  const reply = JSON.parse(text) as IngestReply | { readonly accepted?: undefined };
  if (reply.accepted === undefined)
    throw new Error(`a body was refused as a whole: ${text.slice(0, 500)}`);
  return reply;
}
