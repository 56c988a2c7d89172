const encoder = new TextEncoder();

/** UTF-8 of one UTF-16 unit has 3 bytes at most. */
const BYTES_PER_UNIT = 3;
const BYTES_MIN = 64 * 1024;

/**
 * Texts as UTF-8, one behind the other in a buffer that moves to another thread and comes back.
 * Rejected: to send the strings. A structured clone copies each into a message and out of it, and
 * SQLite encodes it then all the same: measured at two and a half times the cost on the thread that
 * sends, before the receiver's share.
 */
export class TextBytes {
  #bytes: Uint8Array<ArrayBuffer>;
  #used = 0;

  /** @param buffer one that came back */
  constructor(buffer?: ArrayBuffer) {
    this.#bytes = new Uint8Array(buffer ?? new ArrayBuffer(BYTES_MIN));
  }

  /** @returns the bytes that the text takes */
  add(text: string): number {
    const room = this.#bytes.length - this.#used;
    if (room < text.length * BYTES_PER_UNIT) this.#grow(text.length * BYTES_PER_UNIT);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#used));
    this.#used += written;
    return written;
  }

  /** The buffer with everything that was added from its start on. */
  get buffer(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  #grow(more: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}
