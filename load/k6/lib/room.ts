import type { Member } from "./member.ts";

/** A conversation of one virtual user, and those who read it. */
export class Room {
  readonly name: string;
  readonly members: Member[] = [];
  /** Messages of it that had a receipt. */
  acked = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Whether every reader has got all that was acked. */
  get isSettled(): boolean {
    return this.members.every(
      ({ reading, unanswered }) => unanswered === 0 && reading.received >= this.acked,
    );
  }
}
