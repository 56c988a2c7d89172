import { AppError, asAppError } from "../../src/errors.ts";
import type { SubscribeCommand } from "../../src/wire/command.ts";
import { parseCursor } from "../../src/wire/cursor.ts";
import type { SubscribeReply } from "../../src/wire/frame.ts";
import { encodeReply } from "../../src/wire/reply.ts";
import type { Connection } from "../connection.ts";
import type { Gateway } from "../gateway.ts";
import type { LocalConversation } from "../local-conversation.ts";
import { Reader } from "../reader.ts";
import type { Session } from "../session.ts";

/** `subscribe`: the reply says where the conversation stands; what the reader lacks follows it. */
export async function subscribe(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  command: SubscribeCommand,
): Promise<void> {
  const { conversation: name, id } = command;
  const field = "subscribe.conversation";
  const { subscriptionsMax } = gateway.limits;
  const held = (connection.readers?.size ?? 0) + (connection.opening?.size ?? 0);
  if (!session.grants.allows("subscribe", name)) {
    const message = `the token does not allow to read ${JSON.stringify(name)}`;
    connection.refuse(id, new AppError("forbidden", message, { field }));
    return;
  }
  if (connection.readers?.has(name) || connection.opening?.has(name)) {
    connection.refuse(id, new AppError("already_subscribed", undefined, { field }));
    return;
  }
  if (held >= subscriptionsMax) {
    const message = `a connection can read ${subscriptionsMax} conversations at most`;
    connection.refuse(id, new AppError("too_many_subscriptions", message, { limit: subscriptionsMax }));
    return;
  }
  const opening = (connection.opening ??= new Map<string, { cancelled: boolean }>());
  const state = { cancelled: false };
  opening.set(name, state);
  try {
    const { topic, partition } = gateway.placeOf(session.tenant, name);
    const conversation = await gateway.relay.open(session.tenant.name, name, topic, partition);
    if (connection.closed || state.cancelled) {
      gateway.relay.opened(conversation);
      if (!connection.closed) connection.refuse(id, new AppError("not_subscribed"));
      return;
    }
    const { reply, next } = place(command, conversation);
    const reader = new Reader(connection, conversation);
    connection.readers ??= new Map();
    connection.readers.set(name, reader);
    conversation.add(reader, next);
    gateway.relay.opened(conversation);
    connection.answer(encodeReply(id, "subscribe", reply));
    conversation.pump(reader);
  } catch (cause) {
    const error = asAppError(cause);
    gateway.report(error);
    if (!connection.closed) connection.refuse(id, error);
  } finally {
    if (opening.get(name) === state) opening.delete(name);
    if (opening.size === 0 && connection.opening === opening) connection.opening = undefined;
  }
}

/** Where a reader starts, and what it is told of it. */
function place(
  command: SubscribeCommand,
  { epoch, last: head, floor }: LocalConversation,
): { reply: SubscribeReply; next: number } {
  const state = { epoch, head, floor };
  const cursor = command.cursor === undefined ? undefined : parseCursor(command.cursor);
  if (cursor === undefined) {
    const tail = command.tail ?? 0;
    return { reply: { ...state, recovered: true }, next: Math.max(floor, head + 1 - tail) };
  }
  if (cursor.epoch !== epoch)
    return { reply: { ...state, recovered: false, reason: "epoch_changed" }, next: floor };
  if (cursor.seq > head)
    return { reply: { ...state, recovered: false, reason: "ahead" }, next: head + 1 };
  if (cursor.seq + 1 < floor)
    return { reply: { ...state, recovered: false, reason: "expired" }, next: floor };
  return { reply: { ...state, recovered: true }, next: cursor.seq + 1 };
}
