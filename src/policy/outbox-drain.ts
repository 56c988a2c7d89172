/** Between two judgements; some turns of the publisher. */
const JUDGE_MS = 3_000;
/** Rows that come, for each that leaves, from which on a partition would stay in the outbox. */
const SHARE = 0.8;
/** Others fill it, who are not asked: for so long nothing is tried again. */
const PAUSE_MS = 60_000;

interface Judged {
  readonly rows: number;
  readonly done: number;
  /** Monotonic ms. */
  readonly at: number;
}

/**
 * Tells when a partition's rows leave the outbox hardly faster than others come, so that it would not
 * return to a log that is back for as long as the load lasts: then nothing more is to be put there until
 * the rows have left. Gateways see the same rows, and come to it by themselves.
 */
export class OutboxDrain {
  #isOn = false;
  #judged: Judged | undefined;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  /** Whether nothing more is to be put. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /**
   * @param rows of anybody that wait
   * @param done those that have ever left
   * @param now monotonic ms
   */
  looked(rows: number, done: number, now: number): void {
    const judged = this.#judged;
    if (judged !== undefined && now - judged.at < JUDGE_MS) return;
    this.#judged = { rows, done, at: now };
    if (judged === undefined) return;
    const left = done - judged.done;
    const came = rows - judged.rows + left;
    // Where none leaves the log is away.
    const isFilling = left > 0 && came > left * SHARE;
    if (this.#isOn && isFilling) this.#pausedUntil = now + PAUSE_MS;
    this.#isOn = this.#isOn ? left > 0 && !isFilling : isFilling && now >= this.#pausedUntil;
  }

  /** They have left, or are few enough to be waited for. */
  reset(): void {
    this.#isOn = false;
    this.#judged = undefined;
  }
}
