import { errors } from "./metrics.ts";

/**
 * Tells k6 of successes and failures of messages in units of a frame, since its Rate takes them one
 * by one. What is left over at the end counts as a whole unit when it failed, and not at all when
 * it succeeded, so that the share of errors is never told smaller than it is.
 */
export class Outcomes {
  readonly #unit: number;
  #succeeded = 0;
  #failed = 0;

  constructor(unit: number) {
    this.#unit = unit;
  }

  succeeded(messages: number): void {
    this.#succeeded += messages;
    for (; this.#succeeded >= this.#unit; this.#succeeded -= this.#unit) errors.add(false);
  }

  failed(messages: number): void {
    this.#failed += messages;
    for (; this.#failed >= this.#unit; this.#failed -= this.#unit) errors.add(true);
  }

  end(): void {
    if (this.#failed > 0) errors.add(true);
    this.#failed = 0;
  }
}
