import { AppError, asAppError } from "../../src/errors.ts";
import type { SubscribeCommand } from "../../src/wire/command.ts";
import { parseCursor, type Cursor } from "../../src/wire/cursor.ts";
import type { SubscribeReply } from "../../src/wire/frame.ts";
import { encodeReply } from "../../src/wire/reply.ts";
import type { Connection, Opening } from "../connection.ts";
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
    connection.refuse(
      id,
      new AppError("too_many_subscriptions", message, { limit: subscriptionsMax }),
    );
    return;
  }
  const opening = (connection.opening ??= new Map<string, Opening>());
  const state: Opening = { cancelled: false, sends: [] };
  opening.set(name, state);
  try {
    const { topic, partition } = gateway.placeOf(session.tenant, name);
    const conversation = await gateway.relay.open(session.tenant.name, name, topic, partition);
    try {
      const cursor = command.cursor === undefined ? undefined : parseCursor(command.cursor);
      if (cursor !== undefined && isAhead(cursor, conversation))
        await gateway.relay.confirm(conversation);
      if (connection.closed) return;
      if (state.cancelled) throw new AppError("not_subscribed");
      const { reply, next } = place(cursor, command.tail ?? 0, conversation);
      const reader = new Reader(connection, conversation);
      connection.readers ??= new Map();
      connection.readers.set(name, reader);
      conversation.add(reader, next);
      connection.answer(encodeReply(id, "subscribe", reply));
      conversation.pump(reader);
    } finally {
      gateway.relay.opened(conversation);
    }
  } catch (cause) {
    const error = asAppError(cause);
    gateway.report(error);
    if (!connection.closed) connection.refuse(id, error);
  } finally {
    if (opening.get(name) === state) opening.delete(name);
    if (opening.size === 0 && connection.opening === opening) connection.opening = undefined;
    for (const waiting of state.sends) if (!connection.closed) waiting();
  }
}

/** Whether a cursor is past what is known, which may be too old. */
function isAhead(cursor: Cursor, { epoch, last }: LocalConversation): boolean {
  return epoch === "" || (cursor.epoch === epoch && cursor.seq > last);
}

/** Where a reader starts, and what it is told of it. */
function place(
  cursor: Cursor | undefined,
  tail: number,
  { epoch, last: head, floor }: LocalConversation,
): { reply: SubscribeReply; next: number } {
  const state = { epoch, head, floor };
  if (cursor === undefined) {
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
