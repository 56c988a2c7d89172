import { z } from "zod";
import { errorSchema, receiptSchema } from "./frame.ts";
import { conversationSchema, userSchema } from "./name.ts";

/** Answer to `POST /v1/conversations/{conversation}/messages`. */
export const sendReplySchema = receiptSchema
  .extend({
    key: z
      .string()
      .meta({ description: "The message's key: the client's, or the one made for it" }),
  })
  .meta({ id: "SendReply" });

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
