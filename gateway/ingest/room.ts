import type { Limits } from "../../src/limits.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { IngestBudget } from "./budget.ts";

export interface IngestRoomOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly budget: IngestBudget;
  /** What else keeps a body from being read on. */
  readonly isHeldUp: () => boolean;
  /** Ends the waiting for what has had no outcome for too long. */
  readonly giveUp: () => void;
}

/** How much of one body may be on its way to the log, and is. */
export class IngestRoom {
  readonly #options: IngestRoomOptions;
  #events = 0;
  #chars = 0;
  #wake: (() => void) | undefined;

  constructor(options: IngestRoomOptions) {
    this.#options = options;
  }

  /** Whether nothing of the body is without its outcome. */
  get isEmpty(): boolean {
    return this.#events === 0;
  }

  /** @param part 1: whether there is no room at all; 2: whether less than half of it is free */
  isFull(part: number): boolean {
    const { limits, budget, isHeldUp } = this.#options;
    return (
      this.#events >= limits.ingestInFlightEventsMax / part ||
      this.#chars >= limits.ingestInFlightBytesMax / part ||
      budget.isSpent ||
      isHeldUp()
    );
  }

  /** One event has come. */
  take(chars: number): void {
    this.#events++;
    this.#chars += chars;
    this.#options.budget.take(chars);
  }

  /** So many events have their outcome. */
  give(events: number, chars: number): void {
    this.#events -= events;
    this.#chars -= chars;
    this.#options.budget.give(chars);
    this.wake();
  }

  /** Something that may be waited for has changed. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Resolves when something may have changed. */
  change(): Promise<void> {
    const { clock, limits, budget, giveUp } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.after(limits.appendTimeoutMs, () => {
        giveUp();
        this.wake();
      });
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
      if (budget.isSpent) budget.whenFree(() => this.wake());
    });
  }
}
