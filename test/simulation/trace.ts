import type { Scheduler } from "./scheduler.ts";

const KEPT = 60;

/** A guarantee that did not hold in a run. */
export class SimulationFailure extends Error {
  readonly check: string;

  constructor(check: string, message: string) {
    super(`${check}: ${message}`);
    this.name = "SimulationFailure";
    this.check = check;
  }
}

/** The last steps of a run, in words. Text is made only when a run fails. */
export class Trace {
  readonly #scheduler: Scheduler;
  readonly #lines: (readonly [number, string, ...unknown[]])[] = [];
  #at = 0;
  readonly #kept: number;

  constructor(scheduler: Scheduler, kept = KEPT) {
    this.#scheduler = scheduler;
    this.#kept = kept;
  }

  add(what: string, ...details: unknown[]): void {
    this.#lines[this.#at++ % this.#kept] = [this.#scheduler.now, what, ...details];
  }

  text(): string {
    const from = Math.max(0, this.#at - this.#kept);
    const lines: string[] = [];
    for (let i = from; i < this.#at; i++) {
      const [at, what, ...details] = this.#lines[i % this.#kept] as [number, string, ...unknown[]];
      const words = details.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
      lines.push(`${at.toFixed(1).padStart(10)} ms  ${[what, ...words].join(" ").slice(0, 300)}`);
    }
    return lines.join("\n");
  }
}

/** Ends the run. */
export function fail(check: string, message: string): never {
  throw new SimulationFailure(check, message);
}
