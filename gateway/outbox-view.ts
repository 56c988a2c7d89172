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

/** Who asked for a look. */
interface Asker {
  isAnswered: boolean;
  answer(isSeen: boolean): void;
}

/** Between two looks when one failed and somebody waits for it. */
const RETRY_MS = 20;

/** Which partitions have rows in the outbox. One look at a time serves all who ask meanwhile. */
export class OutboxView {
  readonly #options: OutboxViewOptions;
  #begun = 0;
  #looking = false;
  #wanted = false;
  /** Those that a look begun from now on answers. */
  #askers: Asker[] = [];
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
   * Resolves to true when a look that began after this call has been taken in; to false when its
   * time is over, or the database is known not to answer.
   */
  fresh(): Promise<boolean> {
    const { clock, waitMs } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(waitMs, () => asker.answer(false));
      const asker: Asker = {
        isAnswered: false,
        answer(isSeen) {
          this.isAnswered = true;
          timer.cancel();
          resolve(isSeen);
        },
      };
      this.#askers.push(asker);
      this.look();
    });
  }

  #begin(): void {
    const { outbox, clock, circuit, begins, looked } = this.#options;
    const askers = this.#askers;
    this.#askers = [];
    this.#wanted = false;
    const now = clock.monotonic();
    this.#beganAt = now;
    if (!circuit.admit(now)) {
      for (const asker of askers) asker.answer(false);
      return;
    }
    const number = ++this.#begun;
    this.#looking = true;
    begins();
    outbox.pending().then(
      (pending) => {
        this.#looking = false;
        circuit.succeeded(clock.monotonic());
        looked(number, pending);
        for (const asker of askers) asker.answer(true);
        if (this.#wanted) this.#begin();
      },
      () => {
        this.#looking = false;
        circuit.failed(clock.monotonic());
        this.#askers = [...askers, ...this.#askers].filter((one) => !one.isAnswered);
        if (this.#askers.length > 0) clock.after(RETRY_MS, () => this.look());
      },
    );
  }
}
