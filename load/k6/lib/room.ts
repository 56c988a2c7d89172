import type { Reading } from "./reading.ts";

/** One who reads a conversation, and may send to it. */
export interface Reader {
  readonly reading: Reading;
  /** Messages of its own without an answer. */
  readonly unanswered: number;
  /** Whether it is on its way to be connected and caught up. */
  readonly isOpening: boolean;
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

  /** Whether nothing is on its way any more, and every reader has got all that was acked. */
  get isSettled(): boolean {
    return this.readers.every(
      ({ reading, unanswered, isOpening }) =>
        unanswered === 0 && !isOpening && reading.received >= this.acked,
    );
  }
}
