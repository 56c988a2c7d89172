import type { Connection } from "./connection.ts";
import type { LocalConversation } from "./local-conversation.ts";

/** One connection's subscription of one conversation. */
export class Reader {
  readonly connection: Connection;
  readonly conversation: LocalConversation;
  /** The next seq that this reader needs; kept only while it is catching up. */
  next = 0;
  catching = true;
  /** A page of the store is being read for it. */
  reading = false;
  /** Waits for the store to get further. */
  parked = false;
  /** Whether reaching the head is told with a `live` frame. */
  announce = true;
  gone = false;

  constructor(connection: Connection, conversation: LocalConversation) {
    this.connection = connection;
    this.conversation = conversation;
  }
}
