/** One reader's account of one conversation, which every seq must reach once and in order. */
export class Reading {
  /** The seq that comes next. */
  next = 1;
  received = 0;
  duplicate = 0;
  reordered = 0;
  readonly #missing = new Set<number>();

  /** Begins behind messages that were there before; they count as received. */
  startAfter(head: number): void {
    this.next = head + 1;
    this.received = head;
  }

  /**
   * Takes events with rising seqs by their ends alone.
   * @returns false when it is not the next `count` seqs; each is to be given to {@link take} then
   */
  takeRun(first: number, last: number, count: number): boolean {
    if (first !== this.next || last - first + 1 !== count) return false;
    this.next = last + 1;
    this.received += count;
    return true;
  }

  take(seq: number): void {
    if (seq >= this.next) {
      for (let hole = this.next; hole < seq; hole++) this.#missing.add(hole);
      this.next = seq + 1;
      this.received++;
    } else if (this.#missing.delete(seq)) {
      this.reordered++;
      this.received++;
    } else this.duplicate++;
  }

  /** Events that did not come although later ones did. */
  get holes(): number {
    return this.#missing.size;
  }

  /**
   * Events that did not come: holes, and acked messages beyond the last seq that was seen.
   * @param acked messages of the conversation that had a receipt
   */
  lost(acked: number): number {
    return Math.max(this.#missing.size, acked - this.received);
  }
}
