import { z } from "zod";
import type { ErrorCode } from "../errors.ts";
import { commandIdSchema } from "./command.ts";
import { eventSchema } from "./event.ts";

const seq = z.int().min(0);
const epoch = z.string();

export const durabilitySchema = z.enum(["disk", "log", "outbox"]).meta({
  description:
    "What the receipt rests on: flushed to the server's disk, acknowledged by all in-sync replicas of the log, or in the outbox while the log is away",
});
export type Durability = z.infer<typeof durabilitySchema>;

export const connectReplySchema = z.object({
  connection: z.string(),
  tenant: z.string(),
  user: z.string(),
  heartbeat_ms: z.int(),
  expires_at: z.int().optional().meta({ description: "The token's end; seconds since 1970" }),
  limits: z.object({
    frame_bytes: z.int(),
    frame_lines: z.int(),
    content_bytes: z.int(),
    credit: z.int().meta({ description: "Commands that may be unanswered" }),
    subscriptions: z.int(),
  }),
});
export type ConnectReply = z.infer<typeof connectReplySchema>;

const recoveryReasonSchema = z.enum(["epoch_changed", "expired", "ahead"]);

export const subscribeReplySchema = z.object({
  epoch: epoch.meta({ description: "Empty while the conversation has no message" }),
  head: seq.meta({ description: "The last seq there was at this moment" }),
  floor: seq.meta({ description: "The first seq that is still kept" }),
  recovered: z
    .boolean()
    .meta({ description: "Whether everything after the cursor comes; false: see reason" }),
  reason: recoveryReasonSchema.optional(),
});
export type SubscribeReply = z.infer<typeof subscribeReplySchema>;

export const receiptSchema = z
  .object({
    message: z.string(),
    durability: durabilitySchema,
    at: z.object({ partition: z.int(), offset: z.string() }).optional(),
  })
  .meta({ id: "Receipt" });
export type Receipt = z.infer<typeof receiptSchema>;

export const historyReplySchema = z.object({
  epoch,
  head: seq,
  floor: seq,
  more: z.boolean(),
  events: z.array(z.object({ seq, event: eventSchema })),
});
export type HistoryReply = z.infer<typeof historyReplySchema>;

export const errorSchema = z
  .object({
    code: z.string() as unknown as z.ZodType<ErrorCode>,
    message: z.string(),
    retriable: z.boolean(),
    field: z.string().optional(),
    limit: z.number().optional(),
    retry_after_ms: z.int().optional(),
  })
  .meta({ id: "Error" });
export type ErrorBody = z.infer<typeof errorSchema>;

const empty = z.object({});
const reply = <T extends z.ZodRawShape>(body: T) => z.object({ id: commandIdSchema, ...body });

/** Reply name → schema of the whole frame line. */
export const REPLY_SCHEMAS = {
  connect: reply({ connect: connectReplySchema }),
  refresh: reply({ refresh: z.object({ expires_at: z.int().optional() }) }),
  subscribe: reply({ subscribe: subscribeReplySchema }),
  unsubscribe: reply({ unsubscribe: empty }),
  send: reply({ send: receiptSchema }),
  history: reply({ history: historyReplySchema }),
  error: z.object({
    id: z.int().min(0).meta({ description: "0 when the command's own id is missing or wrong" }),
    error: errorSchema,
  }),
} as const;

export const reconnectReasonSchema = z.enum(["draining", "overloaded"]);

/** Push name → schema of what is under `push`. */
export const PUSH_SCHEMAS = {
  event: z
    .object({ conversation: z.string(), seq, event: eventSchema })
    .meta({ description: "The next event of a conversation" }),
  live: z
    .object({ live: z.object({ conversation: z.string(), seq }) })
    .meta({ description: "Everything up to seq has been sent; what comes from now on is live" }),
  lag: z
    .object({ lag: z.object({ conversation: z.string(), from: seq, to: seq }) })
    .meta({ description: "The reader fell behind; from … to and more come at its own pace" }),
  reset: z
    .object({ reset: z.object({ conversation: z.string(), epoch, floor: seq }) })
    .meta({ description: "What the reader has is of another epoch or no longer kept: start over" }),
  refused: z
    .object({
      refused: z.object({
        conversation: z.string(),
        key: z.string(),
        message: z.string(),
        code: z.string() as unknown as z.ZodType<ErrorCode>,
      }),
    })
    .meta({ description: "A message that had its receipt could not be placed" }),
  reconnect: z
    .object({ reconnect: z.object({ after_ms: z.int(), reason: reconnectReasonSchema }) })
    .meta({ description: "The server is about to close the socket: connect again after after_ms" }),
} as const;
