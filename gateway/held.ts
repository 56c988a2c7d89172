/** Publications that readers who are catching up will need: adjacent seqs, bounded, newest kept. */
export class Held {
  #lines: string[] = [];
  #chars = 0;
  #firstSeq = 0;

  get chars(): number {
    return this.#chars;
  }

  get empty(): boolean {
    return this.#lines.length === 0;
  }

  /** Seq of the oldest line; meaningless while empty. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Adds the line of `seq`, which follows the last one, and drops the oldest beyond the bound. */
  add(seq: number, line: string, charsMax: number): void {
    if (this.#lines.length === 0) this.#firstSeq = seq;
    this.#lines.push(line);
    this.#chars += line.length;
    if (this.#chars <= charsMax) return;
    // Down to half at once, so that dropping costs little for each line.
    let count = 0;
    while (this.#chars > charsMax / 2 && count < this.#lines.length)
      this.#chars -= (this.#lines[count++] as string).length;
    this.#lines.splice(0, count);
    this.#firstSeq += count;
  }

  /** The lines from `seq` on as one frame's text; `seq` must not be below `firstSeq`. */
  textFrom(seq: number): string {
    return this.#lines.slice(seq - this.#firstSeq).join("\n");
  }

  clear(): void {
    this.#lines = [];
    this.#chars = 0;
  }
}
