const BYTES_MIN = 64 * 1024;
/** What a burst left behind is given back. */
const BYTES_KEPT = 16 * 1024 * 1024;
/** UTF-8 of one UTF-16 unit has 3 bytes at most. */
const BYTES_PER_UNIT = 3;
const LINE_BREAK = 10;
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
    const most = text.length * BYTES_PER_UNIT;
    if (this.#used + most > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + most));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    const written = this.#bytes.write(text, this.#used, "utf8");
    this.#used += written;
    return written;
  }

  hasLineBreak(from: number): boolean {
    return this.#bytes.subarray(from, this.#used).includes(LINE_BREAK);
  }

  /** Whether some text may have had a lone surrogate, which encoding replaces. */
  mayBeReplaced(from: number): boolean {
    return this.#bytes.subarray(from, this.#used).includes(REPLACEMENT);
  }

  /** Everything that was added; the next text begins anew. */
  take(): Uint8Array {
    // Not Uint8Array.from, which goes through an iterator.
    const taken = new Uint8Array(this.#bytes.subarray(0, this.#used));
    this.#used = 0;
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = Buffer.allocUnsafe(BYTES_MIN);
    return taken;
  }
}
