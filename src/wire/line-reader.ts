import { AppError } from "../errors.ts";
import { lineTooLong } from "./event-line.ts";

const LINE_FEED = 10;
const CARRY_BYTES_MIN = 4 * 1024;

/** Whole lines with the line feeds between them, or what is wrong with one line that has no text. */
export type Piece = string | AppError;

/**
 * Cuts a body into whole lines, wherever its chunks end: inside a line, a character, or a line
 * break. What it holds back is one unfinished line, at most as long as a line may be; of a longer
 * one nothing is kept. Lines that came in one chunk stay one text, decoded at once.
 */
export class LineReader {
  readonly #lineBytesMax: number;
  // A mark at the start of a later line is content like any other.
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** The unfinished line. */
  #carry = new Uint8Array(0);
  #carried = 0;
  /** The rest of a line that is too long. */
  #skips = false;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Adds what is complete now to `out`. The chunk is the caller's again afterwards. */
  push(chunk: Uint8Array, out: Piece[]): void {
    let rest = chunk;
    if (this.#skips) {
      const end = rest.indexOf(LINE_FEED);
      if (end < 0) return;
      this.#skips = false;
      rest = rest.subarray(end + 1);
    }
    if (this.#carried > 0) {
      const end = rest.indexOf(LINE_FEED);
      if (!this.#keep(end < 0 ? rest : rest.subarray(0, end + 1), end < 0 ? 0 : 1, out)) {
        this.#skips = end < 0;
      } else if (end >= 0) this.#decode(this.#takeCarry(), out);
      if (end < 0) return;
      rest = rest.subarray(end + 1);
    }
    const last = rest.lastIndexOf(LINE_FEED);
    if (last >= 0) this.#decode(rest.subarray(0, last + 1), out);
    if (last + 1 < rest.length) this.#skips = !this.#keep(rest.subarray(last + 1), 0, out);
  }

  /** The body is over: its last line needs no line feed. */
  end(out: Piece[]): void {
    if (this.#carried > 0) this.#decode(this.#takeCarry(), out);
  }

  /** @returns false when the line is too long, which is told then */
  #keep(bytes: Uint8Array, breakBytes: number, out: Piece[]): boolean {
    const length = this.#carried + bytes.length;
    if (length - breakBytes > this.#lineBytesMax) {
      this.#carried = 0;
      out.push(lineTooLong(this.#lineBytesMax));
      return false;
    }
    if (length > this.#carry.length) {
      const larger = new Uint8Array(Math.max(length, this.#carry.length * 2, CARRY_BYTES_MIN));
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = length;
    return true;
  }

  #takeCarry(): Uint8Array {
    const bytes = this.#carry.subarray(0, this.#carried);
    this.#carried = 0;
    return bytes;
  }

  #decode(bytes: Uint8Array, out: Piece[]): void {
    try {
      out.push(this.#decoder.decode(bytes));
    } catch {
      // One line's fault must not be its neighbours'.
      this.#decodeEach(bytes, out);
    }
  }

  #decodeEach(bytes: Uint8Array, out: Piece[]): void {
    for (let at = 0; at < bytes.length;) {
      const found = bytes.indexOf(LINE_FEED, at);
      const end = found < 0 ? bytes.length : found;
      out.push(this.#decodeLine(bytes.subarray(at, Math.min(end + 1, bytes.length)), end - at));
      at = end + 1;
    }
  }

  #decodeLine(line: Uint8Array, length: number): Piece {
    if (length > this.#lineBytesMax) return lineTooLong(this.#lineBytesMax);
    try {
      return this.#decoder.decode(line);
    } catch {
      // That it is no UTF-8 is the answer.
      const isGzip = line[0] === 0x1f && line[1] === 0x8b;
      const what = isGzip ? "is gzip, which Content-Encoding does not say" : "is not UTF-8";
      return new AppError("invalid_event", `the line ${what}`);
    }
  }
}
