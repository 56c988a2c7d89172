import { z } from "zod";
import { limitsWith } from "../limits.ts";
import { contentSchema, messageKindSchema, type MessageKind } from "./content.ts";
import { cursorSchema } from "./cursor.ts";
import { keySchema } from "./key.ts";
import { conversationSchema, nameFault } from "./name.ts";

const limits = limitsWith();

export const commandIdSchema = z
  .int()
  .min(1)
  .max(Number.MAX_SAFE_INTEGER)
  .meta({ description: "Chosen by the client; its reply has the same" });

const tokenSchema = z.string().min(1).max(limits.tokenBytesMax);

const connectSchema = z
  .object({
    token: tokenSchema.meta({ description: "A JWT" }),
    client: z
      .string()
      .refine((name) => nameFault(name, limits.clientNameBytesMax) === undefined)
      .optional()
      .meta({ description: "The client's own name and version" }),
  })
  .meta({ id: "Connect" });

const refreshSchema = z.object({ token: tokenSchema }).meta({ id: "Refresh" });

const subscribeSchema = z
  .object({
    conversation: conversationSchema,
    cursor: cursorSchema.optional(),
    tail: z.int().min(0).max(limits.tailMax).optional(),
  })
  .refine((command) => command.cursor === undefined || command.tail === undefined, {
    error: "takes a cursor or a tail, not both",
    path: ["tail"],
  })
  .meta({ id: "Subscribe" });

const unsubscribeSchema = z
  .object({ conversation: conversationSchema })
  .meta({ id: "Unsubscribe" });

const attemptSchema = z.int().min(1).max(limits.attemptMax);

/** One that is not valid is ignored, as W3C Trace Context has it: no message is refused for its trace. */
const traceparentSchema = z.string().optional().catch(undefined).meta({
  description:
    "W3C Trace Context of the client's own span, which the message's trace goes on with; what is not valid is ignored",
});

export const sendSchema = z
  .object({
    conversation: conversationSchema,
    key: keySchema,
    attempt: attemptSchema
      .optional()
      .meta({ description: "1 on the first try only; absent: unknown" }),
    type: messageKindSchema.optional().meta({ description: "text when absent" }),
    content: contentSchema,
    traceparent: traceparentSchema,
  })
  .meta({ id: "Send" });

export const historySchema = z
  .object({
    conversation: conversationSchema,
    after: cursorSchema.optional(),
    before: cursorSchema.optional(),
    limit: z.int().min(1).max(limits.historyLimitMax).optional(),
  })
  .refine((command) => command.after === undefined || command.before === undefined, {
    error: "takes after or before, not both",
    path: ["before"],
  })
  .meta({ id: "History" });

/** Verb → schema of its body. A command is `{"id": n, "<verb>": body}` with exactly one verb. */
export const COMMAND_SCHEMAS = {
  connect: connectSchema,
  refresh: refreshSchema,
  subscribe: subscribeSchema,
  unsubscribe: unsubscribeSchema,
  send: sendSchema,
  history: historySchema,
} as const;

export type Verb = keyof typeof COMMAND_SCHEMAS;

export interface ConnectCommand extends z.infer<typeof connectSchema> {
  readonly verb: "connect";
  readonly id: number;
}
export interface RefreshCommand extends z.infer<typeof refreshSchema> {
  readonly verb: "refresh";
  readonly id: number;
}
export interface SubscribeCommand extends z.infer<typeof subscribeSchema> {
  readonly verb: "subscribe";
  readonly id: number;
}
export interface UnsubscribeCommand extends z.infer<typeof unsubscribeSchema> {
  readonly verb: "unsubscribe";
  readonly id: number;
}
export interface HistoryCommand extends z.infer<typeof historySchema> {
  readonly verb: "history";
  readonly id: number;
}
/** `content` is the slice of the frame as the client wrote it, not its parsed value. */
export interface SendCommand {
  readonly verb: "send";
  readonly id: number;
  readonly conversation: string;
  readonly key: string;
  /** 0: the client did not say. */
  readonly attempt: number;
  readonly kind: MessageKind;
  readonly content: string;
  /** As the client wrote it: it may be malformed, which is as good as absent. */
  readonly traceparent?: string | undefined;
}

export type Command =
  | ConnectCommand
  | RefreshCommand
  | SubscribeCommand
  | UnsubscribeCommand
  | SendCommand
  | HistoryCommand;
