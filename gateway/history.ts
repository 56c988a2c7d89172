import { AppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import type { MessageStore } from "../src/ports/message-store.ts";
import type { HistoryCommand } from "../src/wire/command.ts";
import { parseCursor, type Cursor } from "../src/wire/cursor.ts";
import { encodeHistory } from "../src/wire/reply.ts";

export type HistoryQuery = Omit<HistoryCommand, "id" | "verb">;

/**
 * Reads a page of a conversation: after a cursor upwards, before a cursor downwards, else the last.
 * @returns the JSON text of a history reply, events verbatim
 * @throws invalid_cursor for a cursor of another epoch; what the store throws
 */
export async function readHistory(
  store: MessageStore,
  limits: Limits,
  tenant: string,
  query: HistoryQuery,
): Promise<string> {
  const after = cursorOf(query.after, "after");
  const before = cursorOf(query.before, "before");
  const up = after !== undefined;
  const page = await store.history({
    tenant,
    conversation: query.conversation,
    from: up ? after.seq + 1 : 1,
    to: before === undefined ? Number.MAX_SAFE_INTEGER : before.seq - 1,
    eventsMax: query.limit ?? limits.historyLimitDefault,
    charsMax: limits.historyBytesMax,
    order: up ? "up" : "down",
  });
  const cursor = after ?? before;
  if (cursor !== undefined && cursor.epoch !== page.epoch) {
    throw new AppError("invalid_cursor", "the cursor is not of this conversation's present epoch", {
      field: up ? "history.after" : "history.before",
    });
  }
  const first = page.events[0];
  const last = page.events[page.events.length - 1];
  const reached = up ? (last?.seq ?? after.seq) : (first?.seq ?? page.floor);
  const more = up ? reached < page.seq : reached > page.floor;
  return encodeHistory(page.epoch, page.seq, page.floor, more, page.events);
}

function cursorOf(text: string | undefined, field: string): Cursor | undefined {
  if (text === undefined) return undefined;
  const cursor = parseCursor(text);
  if (cursor === undefined)
    throw new AppError("invalid_cursor", `${field} is not a cursor`, { field: `history.${field}` });
  return cursor;
}
