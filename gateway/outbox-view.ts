import type { CircuitBreaker } from "../src/policy/circuit-breaker.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Outbox, PendingPartition } from "../src/ports/outbox.ts";

export interface OutboxViewOptions {
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Of the outbox's database. */
  readonly circuit: CircuitBreaker;
  /** Ms that {@link OutboxView.fresh} waits at most. */
  readonly waitMs: number;
  /** A look is about to begin. */
  readonly begins: () => void;
  /** What a look saw; `number` counts looks from 1. */
  readonly looked: (number: number, pending: readonly PendingPartition[]) => void;
}

/** Which partitions have rows in the outbox. One look at a time serves all who ask meanwhile. */
export class OutboxView {
  readonly #options: OutboxViewOptions;
  #begun = 0;
  #looking = false;
  #wanted = false;
  /** Those that a look begun from now on satisfies. */
  #waiting: (() => void)[] = [];
  #beganAt = Number.NEGATIVE_INFINITY;

  constructor(options: OutboxViewOptions) {
    this.#options = options;
  }

  /** Number of the last look that began. */
  get begun(): number {
    return this.#begun;
  }

  /** Monotonic ms. */
  get beganAt(): number {
    return this.#beganAt;
  }

  /** Looks now, or again after the look that is under way. */
  look(): void {
    if (this.#looking) this.#wanted = true;
    else this.#begin();
  }

  /**
   * Resolves when a look that began after this call has been taken in, or its time is over, or the
   * database is known not to answer: what was known last is the best there is then.
   */
  fresh(): Promise<void> {
    const { clock, waitMs } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(waitMs, resolve);
      this.#waiting.push(() => {
        timer.cancel();
        resolve();
      });
      this.look();
    });
  }

  #begin(): void {
    const { outbox, clock, circuit, begins, looked } = this.#options;
    const satisfied = this.#waiting;
    this.#waiting = [];
    this.#wanted = false;
    const now = clock.monotonic();
    this.#beganAt = now;
    const finish = (): void => {
      for (const satisfy of satisfied) satisfy();
    };
    if (!circuit.admit(now)) return finish();
    const number = ++this.#begun;
    this.#looking = true;
    begins();
    outbox
      .pending()
      .then(
        (pending) => {
          circuit.succeeded(clock.monotonic());
          looked(number, pending);
        },
        () => circuit.failed(clock.monotonic()),
      )
      .finally(() => {
        this.#looking = false;
        finish();
        if (this.#wanted) this.#begin();
      });
  }
}
