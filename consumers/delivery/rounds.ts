import type { Clock, Timer } from "../../src/ports/clock.ts";

/** So many go together: each wakes whoever hears of it, for one much the same as for all of them. */
const TOGETHER = 64;
/** Parts of the interval; from all of them being full on they are shared alike. */
const PARTS = 16;

/**
 * Calls many at the same interval, few enough at a time, and those together. A thousand partitions with
 * timers of their own woke their process, Redis and each gateway a thousand times a second.
 */
export class Rounds {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #parts: readonly Set<() => void>[];
  readonly #timers: (Timer | undefined)[] = [];

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#parts = Array.from({ length: PARTS }, () => new Set<() => void>());
  }

  /** Calls within the interval, and then at every interval. */
  add(run: () => void): Timer {
    const index = this.#roomiest();
    const part = this.#parts[index] as Set<() => void>;
    // An object of its own: the same function may be added twice.
    const call = (): void => run();
    part.add(call);
    this.#timers[index] ??= this.#arm(index, part, this.#next(index));
    return {
      cancel: () => {
        part.delete(call);
        if (part.size > 0) return;
        this.#timers[index]?.cancel();
        this.#timers[index] = undefined;
      },
    };
  }

  #roomiest(): number {
    const open = this.#parts.findIndex(({ size }) => size < TOGETHER);
    if (open >= 0) return open;
    const sizes = this.#parts.map(({ size }) => size);
    return sizes.indexOf(Math.min(...sizes));
  }

  /** By the clock's own grid, so that the parts stay as far apart as they began. */
  #next(index: number): number {
    const phase = (index * this.#everyMs) / PARTS;
    return (
      phase + (Math.floor((this.#clock.monotonic() - phase) / this.#everyMs) + 1) * this.#everyMs
    );
  }

  #arm(index: number, part: ReadonlySet<() => void>, at: number): Timer {
    return this.#clock.after(at - this.#clock.monotonic(), () => {
      // The timer may have come a little early: its own time is over in any case.
      const next = Math.max(at + this.#everyMs, this.#next(index));
      this.#timers[index] = this.#arm(index, part, next);
      for (const run of part) run();
    });
  }
}
