const ASCII = /^[^\u0080-\uffff]*$/;

/** Bytes of a string as UTF-8; a lone surrogate counts as its replacement character. */
export function utf8Bytes(text: string): number {
  if (ASCII.test(text)) return text.length;
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}

/** Gathers the lines of one turn into as few frames as the server's limits allow. */
export class LineWriter {
  readonly #write: (frame: string) => void;
  #frameBytes = Number.MAX_SAFE_INTEGER;
  #frameLines = Number.MAX_SAFE_INTEGER;
  #lines: string[] = [];

  constructor(write: (frame: string) => void) {
    this.#write = write;
  }

  limit(frameBytes: number, frameLines: number): void {
    this.#frameBytes = frameBytes;
    this.#frameLines = frameLines;
  }

  /** The line leaves at the end of this turn, after those that were put before it. */
  put(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const lines = this.#lines;
    this.#lines = [];
    let frame: string[] = [];
    let bytes = 0;
    for (const line of lines) {
      const size = utf8Bytes(line) + 1;
      if (
        frame.length > 0 &&
        (frame.length >= this.#frameLines || bytes + size > this.#frameBytes)
      ) {
        this.#write(frame.join("\n"));
        frame = [];
        bytes = 0;
      }
      frame.push(line);
      bytes += size;
    }
    this.#write(frame.join("\n"));
  }
}
