import type { Clock, Timer } from "../../ports/clock.ts";

/** Longer delays overflow the runtime's 32-bit timers, which then fire at once. */
const DELAY_MS_MAX = 2_147_483_647;

function checkDelay(ms: number): void {
  if (Number.isNaN(ms) || ms < 0) throw new RangeError(`not a delay in milliseconds: ${ms}`);
}

/** Real time, with timers of 1 ms resolution (0 counts as 1). A token's expiry may be months away, so delays of any length are waited for. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after,
    every(ms, run): Timer {
      checkDelay(ms);
      // Rounded up so that two calls are never nearer than asked for; 0 would spin.
      const timer = setInterval(run, Math.min(Math.max(Math.ceil(ms), 1), DELAY_MS_MAX));
      return { cancel: () => clearInterval(timer) };
    },
    defer(run) {
      setImmediate(run);
    },
  };
}

function after(ms: number, run: () => void): Timer {
  checkDelay(ms);
  let left = Math.ceil(ms);
  let timer: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const step = Math.min(left, DELAY_MS_MAX);
    left -= step;
    timer = setTimeout(left > 0 ? arm : run, step);
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}
