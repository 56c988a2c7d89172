export interface CircuitPolicy {
  /** Failures in a row that open the circuit. */
  readonly failuresToOpen: number;
  /** Successes in a row that close it again. */
  readonly successesToClose: number;
  /** Ms from opening to the first try; doubled with each try that fails. */
  readonly resetFirstMs: number;
  /** Upper end of the time between tries, in ms. */
  readonly resetMaxMs: number;
}

export type CircuitState = "closed" | "open" | "half_open";

/** The largest reset time that a circuit may be given: five minutes. */
export const RESET_MS_MAX = 300_000;

/** Open after 5 failures, tries after 1, 2, 4, 8 and then every 10 s, closed by 2 successes. */
export const CIRCUIT_POLICY: CircuitPolicy = {
  failuresToOpen: 5,
  successesToClose: 2,
  resetFirstMs: 1_000,
  resetMaxMs: 10_000,
};

/**
 * Keeps callers from something that is away (Nygard, "Release It!"): closed, everything passes;
 * open, nothing; half open, one try at a time. Pure: it is told the time and never asks for it.
 */
export class CircuitBreaker {
  readonly #policy: CircuitPolicy;
  #state: CircuitState = "closed";
  #failures = 0;
  #successes = 0;
  /** Tries that failed since the circuit opened. */
  #failedTries = 0;
  /** Open: when the next try is due. Half open: when a try without an outcome is given up. */
  #nextTryAt = 0;

  /** @throws RangeError for a policy that never opens or closes, or that waits longer than {@link RESET_MS_MAX} */
  constructor(policy: CircuitPolicy = CIRCUIT_POLICY) {
    const { failuresToOpen, successesToClose, resetFirstMs, resetMaxMs } = policy;
    if (!(failuresToOpen >= 1 && successesToClose >= 1))
      throw new RangeError("a circuit needs at least one failure to open and one success to close");
    if (!(resetFirstMs > 0 && resetFirstMs <= resetMaxMs && resetMaxMs <= RESET_MS_MAX))
      throw new RangeError(
        `a circuit's reset times rise from above 0 to at most ${RESET_MS_MAX} ms`,
      );
    this.#policy = policy;
  }

  /** As the last call left it: an open circuit whose reset time has passed is open until it is asked. */
  get state(): CircuitState {
    return this.#state;
  }

  /** Monotonic ms from which on a call may pass; 0 while the circuit is closed. */
  get nextTryAt(): number {
    return this.#state === "closed" ? 0 : this.#nextTryAt;
  }

  /**
   * Whether a call may go ahead now. Every call that may MUST be followed by `succeeded`, `failed`
   * or `released`; a try that is not counts as lost after another reset time.
   *
   * @param now monotonic ms
   */
  admit(now: number): boolean {
    if (this.#state === "closed") return true;
    if (now < this.#nextTryAt) return false;
    if (this.#state === "open") this.#successes = 0;
    this.#state = "half_open";
    this.#nextTryAt = now + this.#resetMs();
    return true;
  }

  /** A call that might go ahead did not take place: another one may. @param now monotonic ms */
  released(now: number): void {
    if (this.#state === "half_open") this.#nextTryAt = now;
  }

  /** A call came to a good end. @param now monotonic ms */
  succeeded(now: number): void {
    this.#failures = 0;
    // What began before the circuit opened says nothing about now.
    if (this.#state !== "half_open") return;
    this.#successes++;
    this.#nextTryAt = now;
    if (this.#successes < this.#policy.successesToClose) return;
    this.#state = "closed";
    this.#failedTries = 0;
  }

  /** A call failed, or had no outcome in time. @param now monotonic ms */
  failed(now: number): void {
    if (this.#state === "open") return;
    if (this.#state === "half_open") {
      this.#failedTries++;
      this.#open(now);
      return;
    }
    this.#failures++;
    if (this.#failures >= this.#policy.failuresToOpen) this.#open(now);
  }

  #open(now: number): void {
    this.#state = "open";
    this.#failures = 0;
    this.#nextTryAt = now + this.#resetMs();
  }

  #resetMs(): number {
    const { resetFirstMs, resetMaxMs } = this.#policy;
    // 2^30 times any reset time is past every maximum.
    return Math.min(resetMaxMs, resetFirstMs * 2 ** Math.min(this.#failedTries, 30));
  }
}
