import type { Clock, Timer } from "../../src/ports/clock.ts";

/** More partitions than these at one instant … */
const MANY = 24;
/** … with fewer events than these each … */
const FEW = 32;
/** … make the next one come so many times later. */
const STRETCH = 4;

/** @returns how many events are committed now */
export type InstantCall = () => number;

/**
 * The instants at which the partitions of a process commit, so that the store can take them together. A
 * commit costs rows for each partition, for one event much the same as for twenty: where many partitions
 * have a little each, the instants are further apart, unless somebody waits for the store.
 */
export class Instants {
  readonly #clock: Clock;
  readonly #everyMs: number;
  #waiting = new Set<InstantCall>();
  #timer: Timer | undefined;
  /** Monotonic ms. */
  #dueAt = 0;
  /** Of the gap to the next one. */
  #stretch = 1;
  /** Of the gap that ends with the one that is waited for. */
  #stretched = 1;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Calls at the next instant. */
  next(run: InstantCall): Timer {
    const waiting = this.#waiting;
    // An object of its own: the same function may wait twice.
    const call: InstantCall = () => run();
    waiting.add(call);
    if (this.#timer === undefined) {
      this.#stretched = this.#stretch;
      this.#arm(this.#everyMs * this.#stretch);
    }
    return { cancel: () => void waiting.delete(call) };
  }

  /** Somebody waits: the next instant is the next one of the usual ones. */
  hurry(): void {
    this.#stretch = 1;
    if (this.#timer === undefined || this.#dueAt - this.#clock.monotonic() <= this.#everyMs) return;
    this.#timer.cancel();
    this.#arm(this.#everyMs);
  }

  #arm(gapMs: number): void {
    const now = this.#clock.monotonic();
    const ms = gapMs - (now % gapMs);
    this.#dueAt = now + ms;
    this.#timer = this.#clock.after(ms, () => this.#call());
  }

  #call(): void {
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    let partitions = 0;
    let events = 0;
    for (const run of waiting) {
      partitions++;
      events += run();
    }
    const isMany = partitions > MANY && events < partitions * FEW * this.#stretched;
    this.#stretch = isMany ? STRETCH : 1;
  }
}
