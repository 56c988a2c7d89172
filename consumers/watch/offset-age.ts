/** An end, with when it was seen first and last; monotonic ms. */
interface Seen {
  readonly end: number;
  readonly firstAt: number;
  lastAt: number;
}

const SEEN_MAX = 64;

/** Ends of a partition at the times at which they were seen: from them, how old an offset is. */
export class OffsetAge {
  /** Rising. */
  #seen: Seen[] = [];
  readonly #max: number;

  /** @param max ends to keep; beyond it every second one is given up, and ages are less exact */
  constructor(max = SEEN_MAX) {
    this.#max = max;
  }

  /** The end that was seen last; undefined before the first. */
  get end(): number | undefined {
    return this.#seen.at(-1)?.end;
  }

  see(end: number, now: number): void {
    const last = this.#seen.at(-1);
    if (last !== undefined && end === last.end) {
      last.lastAt = now;
      return;
    }
    // Another log, or one that was cut: what was known is of other records.
    if (last !== undefined && end < last.end) this.#seen = [];
    this.#seen.push({ end, firstAt: now, lastAt: now });
    if (this.#seen.length <= this.#max) return;
    const newest = this.#seen.length - 1;
    this.#seen = this.#seen.filter((_, i) => i % 2 === 0 || i === newest);
  }

  /**
   * Ms since the record at `position` was appended, by the ends seen around that moment; 0 when there
   * is none. Of one that was there before the first look, the time since that look.
   */
  of(position: number, now: number): number {
    const at = this.#seen.findIndex(({ end }) => end > position);
    const next = this.#seen[at];
    if (next === undefined) return 0;
    const before = this.#seen[at - 1];
    if (before === undefined) return now - next.firstAt;
    const share = (position - before.end) / (next.end - before.end);
    return now - (before.lastAt + share * (next.firstAt - before.lastAt));
  }

  /** Whether the record at `position` was appended after the first look. */
  covers(position: number): boolean {
    const [first] = this.#seen;
    return first !== undefined && first.end <= position;
  }
}
