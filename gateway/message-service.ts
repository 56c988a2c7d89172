import type { Identity } from "../src/ports/authenticator.ts";
import type { HistoryCommand, SendCommand } from "../src/wire/command.ts";
import type { Receipt } from "../src/wire/frame.ts";
import type { Entry } from "./trace/entry.ts";

/**
 * What sockets and HTTP do alike: authorize, limit, append, read back. Every method refuses with an
 * AppError.
 */
export interface MessageService {
  /**
   * Resolves once the log has it. Repeats with the same key give the same message id.
   * @param entry how it came in, for its trace
   */
  send(
    identity: Identity,
    command: Omit<SendCommand, "id" | "verb">,
    entry?: Entry,
  ): Promise<Receipt>;
  /** The JSON text of a history reply, events verbatim. */
  history(identity: Identity, query: Omit<HistoryCommand, "id" | "verb">): Promise<string>;
}
