import { asAppError } from "../../src/errors.ts";
import type { ConnectCommand } from "../../src/wire/command.ts";
import { encodeError, encodeReply } from "../../src/wire/reply.ts";
import type { Connection } from "../connection.ts";
import type { Gateway } from "../gateway.ts";

/** `connect`: the token becomes the connection's session. A refused token ends the socket. */
export async function connect(
  gateway: Gateway,
  connection: Connection,
  command: ConnectCommand,
): Promise<void> {
  try {
    // What this client sends has to stand behind what it had its receipt for elsewhere.
    const fresh = gateway.failover?.fresh();
    const session = await gateway.openSession(command.token);
    if (fresh !== undefined) await fresh;
    if (connection.closed) return;
    gateway.authenticated(connection, session);
    const { tenant, user, expiresAt } = session.identity;
    const { limits } = gateway;
    connection.answer(
      encodeReply(command.id, "connect", {
        connection: connection.id,
        tenant,
        user,
        heartbeat_ms: limits.heartbeatMs,
        ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
        limits: {
          frame_bytes: limits.frameBytesMax,
          frame_lines: limits.frameLinesMax,
          content_bytes: limits.contentBytesMax,
          credit: limits.creditCommandsMax,
          subscriptions: limits.subscriptionsMax,
        },
      }),
    );
  } catch (cause) {
    const error = asAppError(cause);
    gateway.report(error);
    connection.reply(encodeError(command.id, error));
    connection.close(
      error.code === "token_expired"
        ? "token_expired"
        : error.code === "forbidden"
          ? "not_served"
          : error.retriable
            ? "overloaded"
            : "unauthenticated",
    );
  }
}
