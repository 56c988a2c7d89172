import type { Clock } from "../../ports/clock.ts";

/** Wakes the one loop that waits for it; a call while nobody waits is remembered. */
export class Signal {
  readonly #clock: Clock;
  #raised = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  raise(): void {
    this.#raised = true;
    this.#wake?.();
  }

  /** Resolves at the next `raise`, at once after an unheard one, or after `ms`. */
  async wait(ms?: number): Promise<void> {
    if (!this.#raised)
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : this.#clock.after(ms, resolve);
        this.#wake = () => {
          timer?.cancel();
          resolve();
        };
      });
    this.#wake = undefined;
    this.#raised = false;
  }
}
