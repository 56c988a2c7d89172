import type { Clock } from "../../src/ports/clock.ts";

/** Looks at a service now and then, so that asking for it costs nothing. */
export interface Probe {
  /** What is wrong with it, as of the last look; undefined when nothing is. */
  readonly fault: () => string | undefined;
  stop(): void;
}

const EVERY_MS = 2_000;

/** @param look rejects when the service cannot be used */
export function startProbe(clock: Clock, look: () => Promise<unknown>): Probe {
  let fault: string | undefined;
  let looking = false;
  const run = (): void => {
    // A look that hangs is not begun again; what it waits for ends it.
    if (looking) return;
    looking = true;
    look().then(
      () => {
        fault = undefined;
        looking = false;
      },
      (error: unknown) => {
        fault = error instanceof Error ? error.message : String(error);
        looking = false;
      },
    );
  };
  const timer = clock.every(EVERY_MS, run);
  run();
  return { fault: () => fault, stop: () => timer.cancel() };
}
