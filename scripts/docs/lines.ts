import { z } from "zod";
import { COMMAND_SCHEMAS, commandIdSchema } from "../../src/wire/command.ts";
import { PUSH_SCHEMAS, REPLY_SCHEMAS } from "../../src/wire/frame.ts";

/** One kind of line in a frame. */
export interface Line {
  /** Unique among all lines: `sendCommand`, `sendReply`, `livePush`, `heartbeat`. */
  readonly name: string;
  readonly schema: z.ZodType;
}

export interface CommandLine extends Line {
  readonly verb: string;
}

export const heartbeatLine: Line = {
  name: "heartbeat",
  schema: z.strictObject({}).meta({ description: "Sent by the server, answered by the client" }),
};

export const commandLines: readonly CommandLine[] = Object.entries(COMMAND_SCHEMAS).map(
  ([verb, body]) => ({
    verb,
    name: `${verb}Command`,
    schema: z.object({ id: commandIdSchema, [verb]: body }),
  }),
);

/** Reply lines by the verb that they answer; `error` answers any. */
export const replyLines: ReadonlyMap<string, Line> = new Map(
  Object.entries(REPLY_SCHEMAS).map(([verb, schema]) => [verb, { name: `${verb}Reply`, schema }]),
);

export const pushLines: readonly Line[] = Object.entries(PUSH_SCHEMAS).map(([name, body]) => ({
  name: `${name}Push`,
  schema: z.object({ push: body }),
}));
