import { AppError } from "../../src/errors.ts";
import type { UnsubscribeCommand } from "../../src/wire/command.ts";
import { encodeReply } from "../../src/wire/reply.ts";
import type { Connection } from "../connection.ts";
import type { Gateway } from "../gateway.ts";

/** `unsubscribe`: nothing of the conversation is pushed after the reply. */
export function unsubscribe(
  gateway: Gateway,
  connection: Connection,
  command: UnsubscribeCommand,
): void {
  const { conversation: name, id } = command;
  const opening = connection.opening?.get(name);
  if (opening !== undefined) {
    opening.cancelled = true;
    // From this reply on the conversation may be subscribed again.
    connection.opening?.delete(name);
    connection.answer(encodeReply(id, "unsubscribe", {}));
    return;
  }
  const reader = connection.readers?.get(name);
  if (reader === undefined) {
    connection.refuse(
      id,
      new AppError("not_subscribed", undefined, { field: "unsubscribe.conversation" }),
    );
    return;
  }
  connection.readers?.delete(name);
  gateway.dropReader(reader);
  connection.answer(encodeReply(id, "unsubscribe", {}));
}
