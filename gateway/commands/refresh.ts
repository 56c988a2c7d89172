import { AppError, asAppError } from "../../src/errors.ts";
import type { RefreshCommand } from "../../src/wire/command.ts";
import { encodeReply } from "../../src/wire/reply.ts";
import type { Connection } from "../connection.ts";
import type { Gateway } from "../gateway.ts";
import type { Session } from "../session.ts";

/**
 * `refresh`: a new token for the live socket. It must be of the same user and allow what the
 * connection reads; otherwise the old token stays in force.
 */
export async function refresh(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  command: RefreshCommand,
): Promise<void> {
  try {
    const next = await gateway.openSession(command.token);
    if (connection.closed) return;
    const { tenant, user, expiresAt } = next.identity;
    if (tenant !== session.identity.tenant || user !== session.identity.user) {
      throw new AppError("forbidden", "the new token is of another user", {
        field: "refresh.token",
      });
    }
    for (const conversation of subscribed(connection)) {
      if (next.grants.allows("subscribe", conversation)) continue;
      throw new AppError(
        "forbidden",
        `the new token does not allow to read ${JSON.stringify(conversation)}, which is subscribed`,
        { field: "refresh.token" },
      );
    }
    connection.session = next;
    connection.route = undefined;
    connection.answer(
      encodeReply(command.id, "refresh", expiresAt === undefined ? {} : { expires_at: expiresAt }),
    );
  } catch (cause) {
    const error = asAppError(cause);
    gateway.report(error);
    if (!connection.closed) connection.refuse(command.id, error);
  }
}

/** Also what is being opened: it was granted by the old token and would outlive it. */
function* subscribed({ readers, opening }: Connection): Iterable<string> {
  yield* readers?.keys() ?? [];
  yield* opening?.keys() ?? [];
}
