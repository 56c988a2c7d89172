/** UTF-8 of one UTF-16 unit has 3 bytes at most, and of one character 4. */
const BYTES_PER_UNIT = 3;
const BYTES_PER_CHARACTER = 4;
/** Sizes of buffers are multiples of it, so that one that came back mostly fits. */
const BYTES_STEP = 64 * 1024;
/** Room for a character outside of ASCII in every 32. */
const NON_ASCII_SHIFT = 5;

/**
 * Texts as UTF-8, one behind the other in a buffer that moves to another thread and comes back.
 * Rejected: to send the strings. A structured clone copies each into a message and out of it, and
 * SQLite encodes it then all the same: measured at two and a half times the cost on the thread that
 * sends, before the receiver's share.
 */
export class TextBytes {
  #bytes: Buffer<ArrayBuffer>;
  #used = 0;

  /**
   * @param buffer one that came back
   * @param chars about as many will be added
   */
  constructor(buffer: ArrayBuffer | undefined, chars: number) {
    const bytes = chars + (chars >>> NON_ASCII_SHIFT) + BYTES_PER_CHARACTER;
    const isLarge = buffer !== undefined && buffer.byteLength >= bytes;
    this.#bytes = isLarge ? Buffer.from(buffer) : roomFor(bytes);
  }

  /** Bytes until now. */
  get length(): number {
    return this.#used;
  }

  /** @returns the bytes that the text takes */
  add(text: string): number {
    // Mostly one byte a unit: room for three of each would make the buffers three times as large.
    if (this.#bytes.length - this.#used < text.length + BYTES_PER_CHARACTER)
      this.#grow(text.length + BYTES_PER_CHARACTER);
    let written = this.#bytes.write(text, this.#used);
    // It writes whole characters only: with room for one more, it has written all.
    if (this.#bytes.length - this.#used - written < BYTES_PER_CHARACTER) {
      this.#grow(text.length * BYTES_PER_UNIT + BYTES_PER_CHARACTER);
      written = this.#bytes.write(text, this.#used);
    }
    this.#used += written;
    return written;
  }

  addByte(byte: number): void {
    if (this.#used === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#used++] = byte;
  }

  /**
   * Room for so many bytes behind what was added, for a caller who writes them by itself; they count
   * once it has said where they end.
   */
  room(bytes: number): Buffer {
    if (this.#bytes.length - this.#used < bytes) this.#grow(bytes);
    return this.#bytes;
  }

  endAt(end: number): void {
    this.#used = end;
  }

  /** The buffer with everything that was added from its start on. */
  get buffer(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  #grow(more: number): void {
    const grown = roomFor(Math.max(this.#bytes.length * 2, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}

function roomFor(bytes: number): Buffer<ArrayBuffer> {
  return Buffer.from(new ArrayBuffer(Math.ceil(bytes / BYTES_STEP) * BYTES_STEP));
}
