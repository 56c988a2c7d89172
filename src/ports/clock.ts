/** A timer that can be stopped; stopping it twice or after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** One moment by both clocks of a {@link Clock}. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** The moment at which something is handled, and since when it has been there. */
export interface Arrival extends Moment {
  /** Ms. */
  readonly waited: number;
}

/** For all that is handled in one go: each look at a clock costs as much as a look at a few hundred bytes. */
export function momentOf(clock: Pick<Clock, "now" | "monotonic">, waited = 0): Arrival {
  return { now: clock.now(), monotonic: clock.monotonic(), waited };
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
