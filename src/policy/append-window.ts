import type { Limits } from "../limits.ts";

export type AppendWindowLimits = Pick<
  Limits,
  "appendPendingBytesMax" | "appendWindowBytesMin" | "appendWaitMs"
>;

/** The least wait of such a time counts: what comes in bursts finds an empty queue in between. */
const INTERVAL_MS = 100;
const GROWTH = 1.1;

/**
 * How much may wait for the log at once, so that what is taken is appended in time. A bound in bytes
 * alone lets the queue grow beyond the time after which an append counts as lost, and then all that
 * waits is done twice.
 *
 * The wait of the quickest append tells a queue that stands from one that drains, as in CoDel
 * (RFC 8289): when even that one waits for longer than `appendWaitMs` in two intervals in a row, the
 * window closes to what would have waited for that long (Little's law), and opens again by steps.
 * Partitions that answer nothing have no say, so that a log that is away closes no window.
 */
export class AppendWindow {
  readonly #limits: AppendWindowLimits;
  #chars: number;
  #leastWaitMs = Number.POSITIVE_INFINITY;
  #until = 0;
  #isLate = false;

  constructor(limits: AppendWindowLimits) {
    this.#limits = limits;
    this.#chars = limits.appendPendingBytesMax;
  }

  /** Characters that may wait. */
  get chars(): number {
    return this.#chars;
  }

  /**
   * An append has landed.
   *
   * @param waitMs since it was given to the log
   * @param pendingChars that wait now
   * @param now monotonic ms
   */
  landed(waitMs: number, pendingChars: number, now: number): void {
    if (waitMs < this.#leastWaitMs) this.#leastWaitMs = waitMs;
    if (now < this.#until) return;
    const least = this.#leastWaitMs;
    this.#leastWaitMs = Number.POSITIVE_INFINITY;
    this.#until = now + INTERVAL_MS;
    const { appendWaitMs, appendWindowBytesMin, appendPendingBytesMax } = this.#limits;
    const isLate = least > appendWaitMs;
    if (!isLate) this.#chars = Math.min(appendPendingBytesMax, this.#chars * GROWTH);
    else if (this.#isLate) {
      const inTime = (Math.min(this.#chars, pendingChars) * appendWaitMs) / least;
      this.#chars = Math.max(appendWindowBytesMin, inTime);
    }
    this.#isLate = isLate;
  }
}
