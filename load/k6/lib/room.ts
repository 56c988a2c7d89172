import type { Reading } from "./reading.ts";

/** One who reads a conversation, and may send to it. */
export interface Reader {
  readonly reading: Reading;
  /** Messages of its own without an answer. */
  readonly unanswered: number;
}

/** A conversation of one virtual user, and those who read it. */
export class Room {
  readonly name: string;
  readonly readers: Reader[] = [];
  /** Messages of it that had a receipt. */
  acked = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Whether every reader has got all that was acked. */
  get isSettled(): boolean {
    return this.readers.every(
      ({ reading, unanswered }) => unanswered === 0 && reading.received >= this.acked,
    );
  }
}
