import { createSystemClock } from "../../src/adapters/system/clock.ts";
import type { Clock } from "../../src/ports/clock.ts";

/** Real time whose calendar can be moved forward, so that records grow old at once. */
export interface ShiftedClock extends Clock {
  shift(ms: number): void;
}

export function createShiftedClock(): ShiftedClock {
  const clock = createSystemClock();
  let ahead = 0;
  return {
    ...clock,
    now: () => clock.now() + ahead,
    shift(ms) {
      ahead += ms;
    },
  };
}
