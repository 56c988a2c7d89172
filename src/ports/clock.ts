/** A timer that can be stopped; stopping it twice or after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** One moment by both clocks of a {@link Clock}. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** For all that is handled in one go: each look at a clock costs as much as a look at a few hundred bytes. */
export function momentOf(clock: Pick<Clock, "now" | "monotonic">): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/**
 * The only source of time. Implementations MUST call back in order of due time, MUST NOT call back
 * from within the call that registers, and MUST NOT call back after `cancel`.
 */
export interface Clock {
  /** Milliseconds since 1970; may step. */
  now(): number;
  /** Milliseconds with a fraction since some start; never steps back. */
  monotonic(): number;
  after(ms: number, run: () => void): Timer;
  every(ms: number, run: () => void): Timer;
  /** Runs after the I/O that is at hand now: where work of one turn is gathered into one batch. */
  defer(run: () => void): void;
}
