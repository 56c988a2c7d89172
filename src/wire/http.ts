import { z } from "zod";
import { durabilitySchema, errorSchema, receiptSchema } from "./frame.ts";
import { conversationSchema, userSchema } from "./name.ts";

/** Answer to `POST /v1/conversations/{conversation}/messages`. */
export const sendReplySchema = receiptSchema
  .extend({
    key: z
      .string()
      .meta({ description: "The message's key: the client's, or the one made for it" }),
  })
  .meta({ id: "SendReply" });

const linesSchema = z
  .tuple([z.int(), z.int()])
  .meta({ description: "First and last line, both included; the first of a body is 1" });

const ingestFaultSchema = errorSchema
  .extend({ lines: z.array(linesSchema) })
  .meta({ id: "IngestFault", description: "What these lines were refused for" });
export type IngestFault = z.infer<typeof ingestFaultSchema>;

/** How the reading of a body ended. */
const ingestSummarySchema = z
  .object({
    request: z
      .string()
      .meta({ description: "An event without an id of its own has `<request>-<line>`" }),
    lines: z.int().meta({
      description: "Each line up to this one is kept, blank, or under `faults`; none after it is",
    }),
    accepted: z.int().meta({ description: "Lines that are kept" }),
    complete: z.boolean().meta({ description: "Whether the body was read to its end" }),
    stopped: errorSchema.optional().meta({ description: "Why it was not" }),
  })
  .meta({ id: "IngestSummary" });

/** Answer to `POST /v1/events`. */
export const ingestReplySchema = ingestSummarySchema
  .extend({
    kept: z.array(
      z.object({
        topic: z.string(),
        partition: z.int().optional(),
        durability: durabilitySchema,
        count: z.int().meta({ description: "Lines that are kept there" }),
        lines: linesSchema,
        offsets: z
          .tuple([z.string(), z.string()])
          .optional()
          .meta({ description: "Of the first and the last of them; others' may lie between" }),
      }),
    ),
    faults: z.array(ingestFaultSchema),
  })
  .meta({ id: "IngestReply" });
export type IngestReply = z.infer<typeof ingestReplySchema>;

/** One line of the answer with `?receipts=each`. */
export const ingestReceiptSchema = z
  .union([
    z.object({ begin: ingestSummarySchema.pick({ request: true }) }),
    z.object({
      line: z.int(),
      id: z.string(),
      topic: z.string(),
      durability: durabilitySchema,
      partition: z.int().optional(),
      offset: z.string().optional(),
    }),
    z.object({ line: z.int(), error: errorSchema }),
    z.object({ end: ingestSummarySchema }),
  ])
  .meta({ id: "IngestReceipt" });

/** An error over HTTP: RFC 9457, with the members of the socket's `error` beside its own. */
export const problemSchema = errorSchema
  .omit({ message: true })
  .extend({
    type: z.string().meta({ description: "`urn:tidegate:problem:<code>`" }),
    title: z.string().meta({ description: "The same for every problem of this type" }),
    status: z.int().meta({ description: "The HTTP status" }),
    detail: z.string().meta({ description: "What was wrong this time" }),
    instance: z.string().meta({ description: "This one occurrence, as the server's log has it" }),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof problemSchema>;

export const healthReplySchema = z
  .object({
    status: z.enum(["live", "ready", "not_ready", "draining"]),
    checks: z
      .record(z.string(), z.string())
      .meta({ description: "Name of a part → ok, or what it lacks" }),
  })
  .meta({ id: "Health" });
export type HealthReply = z.infer<typeof healthReplySchema>;

/** Body of `POST /dev/token`. */
export const devTokenBodySchema = z
  .object({
    user: userSchema,
    room: conversationSchema
      .optional()
      .meta({ description: "The one conversation that the token is for; all when absent" }),
  })
  .meta({ id: "DevTokenBody" });

export const devTokenReplySchema = z
  .object({ token: z.string(), tenant: z.string(), user: z.string() })
  .meta({ id: "DevToken" });
export type DevTokenReply = z.infer<typeof devTokenReplySchema>;
