import { RECEIPT } from "../src/wire/reply.ts";

/** Of the pieces that one had, if it is to be used again. */
const PIECES_MAX = 2_048;
const SPARE_MAX = 256;
const spare: Outbound[] = [];

/**
 * The lines that wait to be written to one socket, in pieces that are put together once. A text for each
 * receipt and one that grows line by line takes twice the time, all of it in strings of strings. Idle
 * sockets have none: `open` takes one that another has done with.
 */
export class Outbound {
  #pieces: (string | number)[] = [];
  #chars = 0;

  private constructor() {}

  static open(): Outbound {
    return spare.pop() ?? new Outbound();
  }

  /** UTF-16 units, or a few more. */
  get chars(): number {
    return this.#chars;
  }

  line(text: string): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) pieces.push(text);
    else pieces.push("\n", text);
    this.#chars += text.length + 1;
  }

  /** The line of `encodeReceipt` for a message of the log; its id comes in the two parts that it has. */
  receipt(command: number, key: string, idEnd: string, place: string, offset: number): void {
    const pieces = this.#pieces;
    const start = pieces.length === 0 ? RECEIPT.start : RECEIPT.nextStart;
    pieces.push(start, command, RECEIPT.message, key, idEnd, place, offset, RECEIPT.end);
    this.#chars += RECEIPT.charsMax + key.length + idEnd.length + place.length;
  }

  /** All of it as one text. Must not be used any more. */
  close(): string {
    const pieces = this.#pieces;
    const text = pieces.length === 1 ? String(pieces[0]) : pieces.join("");
    if (pieces.length <= PIECES_MAX && spare.length < SPARE_MAX) {
      pieces.length = 0;
      this.#chars = 0;
      spare.push(this);
    }
    return text;
  }
}
