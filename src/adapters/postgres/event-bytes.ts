import { writeNumber } from "../../wire/decimal.ts";
import type { PackedRecord } from "../../wire/packed-record.ts";

const BYTES_MIN = 64 * 1024;
/** What a burst left behind is given back. */
const BYTES_KEPT = 4 * 1024 * 1024;
/** UTF-8 of one UTF-16 unit has 3 bytes at most. */
const BYTES_PER_UNIT = 3;
const LINE_BREAK = 10;
/** Of a safe integer. */
const DIGITS_MAX = 16;
/** What a lone surrogate becomes; rare in itself. */
const REPLACEMENT = Buffer.from("\ufffd");

/**
 * Texts as UTF-8 behind each other. Each is encoded where it stays: joining strings first costs a
 * copy of twice the size.
 */
export class EventBytes {
  #bytes = Buffer.allocUnsafe(BYTES_MIN);
  #used = 0;

  get length(): number {
    return this.#used;
  }

  /** @returns the bytes that the text takes */
  add(text: string): number {
    this.#need(text.length * BYTES_PER_UNIT);
    const written = this.#bytes.write(text, this.#used, "utf8");
    this.#used += written;
    return written;
  }

  /** Adds the text of an event behind its id. @returns the bytes that it takes */
  addRest(record: PackedRecord): number {
    this.#need(record.eventBytes);
    const from = this.#used;
    this.#used = record.copyEventRest(this.#bytes, from);
    return this.#used - from;
  }

  /** Adds some bytes as they are. */
  copy(bytes: Buffer, from: number, to: number): void {
    this.#need(to - from);
    this.#used += bytes.copy(this.#bytes, this.#used, from, to);
  }

  byte(byte: number): void {
    this.#need(1);
    this.#bytes[this.#used++] = byte;
  }

  /** Adds a whole number from 0 on in decimal digits. */
  digits(value: number): void {
    this.#need(DIGITS_MAX);
    this.#used = writeNumber(value, this.#bytes, this.#used);
  }

  hasLineBreak(from: number): boolean {
    return this.#bytes.subarray(from, this.#used).includes(LINE_BREAK);
  }

  /** Whether some text may have had a lone surrogate, which encoding replaces. */
  mayBeReplaced(from: number): boolean {
    return this.#bytes.subarray(from, this.#used).includes(REPLACEMENT);
  }

  /** Everything that was added. */
  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.#used);
  }

  /** The next text begins anew. */
  clear(): void {
    this.#used = 0;
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = Buffer.allocUnsafe(BYTES_MIN);
  }

  #need(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}
