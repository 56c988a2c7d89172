/** Characters are counted for so long before they say anything: answers come in clumps. */
const INTERVAL_MS = 100;
const DECAY = 0.9;

/**
 * How much a log takes. It is the most of any interval, which fades: a log that is given little takes
 * little, and could take more (as the bottleneck bandwidth in BBR, ACM Queue 14(5), 2016).
 */
export class AppendRate {
  #perMs = 0;
  #chars = 0;
  #since: number | undefined;

  /** Characters a ms. */
  get perMs(): number {
    return this.#perMs;
  }

  /** An append of so many characters has landed. @param now monotonic ms */
  landed(chars: number, now: number): void {
    this.#since ??= now;
    this.#chars += chars;
    const ms = now - this.#since;
    if (ms < INTERVAL_MS) return;
    this.#perMs = Math.max(this.#chars / ms, this.#perMs * DECAY ** (ms / INTERVAL_MS));
    this.#chars = 0;
    this.#since = now;
  }
}
