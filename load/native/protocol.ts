import type { Member, MemberContext } from "./member.ts";
import type { Handshake } from "./socket.ts";

/** Writes frames of messages into one buffer. */
export interface MessageWriter {
  /** Starts a frame of exactly `lines` messages, which {@link line} has to add. */
  frame(lines: number): void;
  /** @param now milliseconds since 1970, for the key */
  line(number: number, room: number, now: number, isLast: boolean): void;
  /** What was written since the last call, valid until the next {@link frame}. */
  take(): { readonly bytes: Uint8Array; readonly length: number };
}

/** How one kind of server is spoken to: all else of a load is the same for every kind. */
export interface Protocol<M extends Member = Member> extends Handshake {
  /**
   * What says that nothing is missing: places that the server counts; that every reader of a room
   * has each message; or nothing, where the server only answers.
   */
  readonly places: "counted" | "none" | "answers";
  readonly writer: MessageWriter;
  /** @param number of the member among all of the run, also in other processes */
  createMember(number: number, context: MemberContext): M;
}
