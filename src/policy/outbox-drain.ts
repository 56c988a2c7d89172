/** Between two judgements. */
const JUDGE_MS = 2_000;
/** Rows that leave within the time between two judgements have to be more of them than this. */
const SHARE = 0.2;
/** After so long without a row that leaves, the log is taken to be away again. */
const STILL_MS = 1_000;

/**
 * Tells when a partition's rows in the outbox leave no faster than others come, so that under load the
 * partition would never return to a log that is back: then nothing more is to be put there until the
 * rows have left. All gateways see the same rows, and come to it by themselves.
 */
export class OutboxDrain {
  #isOn = false;
  #movedAt = Number.NEGATIVE_INFINITY;
  #judged: { readonly rows: number; readonly at: number } | undefined;

  /** Whether nothing more is to be put. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /**
   * @param rows of all gateways that are there
   * @param isMoving whether rows have left since the last look
   * @param now monotonic ms
   */
  looked(rows: number, isMoving: boolean, now: number): void {
    if (isMoving) this.#movedAt = now;
    if (now - this.#movedAt > STILL_MS) {
      this.reset();
      return;
    }
    if (this.#judged !== undefined && now - this.#judged.at < JUDGE_MS) return;
    if (this.#judged !== undefined && rows > this.#judged.rows * (1 - SHARE)) this.#isOn = true;
    this.#judged = { rows, at: now };
  }

  reset(): void {
    this.#isOn = false;
    this.#judged = undefined;
  }
}
