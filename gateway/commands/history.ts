import { AppError, asAppError } from "../../src/errors.ts";
import type { HistoryCommand } from "../../src/wire/command.ts";
import { encodeHistoryReply } from "../../src/wire/reply.ts";
import type { Connection } from "../connection.ts";
import type { Gateway } from "../gateway.ts";
import type { Session } from "../session.ts";

/** `history`: one page at a time for a connection, so that answers do not pile up in memory. */
export function history(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  command: HistoryCommand,
): void {
  const { conversation, id } = command;
  if (!gateway.mayReadHistory(session, conversation)) {
    const message = `the token does not allow to read ${JSON.stringify(conversation)}`;
    connection.refuse(id, new AppError("forbidden", message, { field: "history.conversation" }));
    return;
  }
  const read = async (): Promise<void> => {
    if (connection.closed) return;
    try {
      const text = await gateway.readHistory(session.tenant, command);
      if (!connection.closed) connection.answer(encodeHistoryReply(id, text));
    } catch (cause) {
      const error = asAppError(cause);
      gateway.report(error);
      if (!connection.closed) connection.refuse(id, error);
    }
  };
  const mine = (connection.pending ?? Promise.resolve()).then(read);
  connection.pending = mine;
  void mine.finally(() => {
    if (connection.pending === mine) connection.pending = undefined;
  });
}
