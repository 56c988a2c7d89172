import { z } from "zod";
import { contentSchema, messageKindSchema } from "./content.ts";

/**
 * A fact of a conversation as readers get it. On the road it is a string (the JSON text), which is
 * sliced out of the record and never parsed by the server.
 */
export const eventSchema = z
  .object({
    id: z
      .string()
      .meta({ description: "The message id; the same for every retry of the same key" }),
    type: z.literal("message.sent"),
    timestamp: z.int().meta({ description: "When the gateway took it; milliseconds since 1970" }),
    key: z.string().meta({ description: "The sender's own key of the message" }),
    sender: z.string(),
    kind: messageKindSchema,
    content: contentSchema,
  })
  .meta({ id: "Event" });

export type Event = z.infer<typeof eventSchema>;

const ID_FIRST = '{"id":"';
/** A message id is much shorter: what is searched is bounded, whatever the text is. */
const ID_CHARS_MAX = 200;

/** The id of an event's text, or of a record's value: both begin with it. */
export function eventIdOf(text: string): string | undefined {
  if (!text.startsWith(ID_FIRST)) return undefined;
  const end = text.slice(0, ID_FIRST.length + ID_CHARS_MAX).indexOf('"', ID_FIRST.length);
  return end < 0 ? undefined : text.slice(ID_FIRST.length, end);
}
