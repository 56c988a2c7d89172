/** Buffers that came back from another thread, to be sent again. One that a burst made large is not kept. */
export class BufferPool {
  readonly #spare: ArrayBuffer[] = [];
  readonly #max: number;

  /** @param max as many as are on their way at once */
  constructor(max: number) {
    this.#max = max;
  }

  take(): ArrayBuffer | undefined {
    return this.#spare.pop();
  }

  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength <= BYTES_MAX && this.#spare.length < this.#max) this.#spare.push(buffer);
  }
}

const BYTES_MAX = 4 * 1024 * 1024;
