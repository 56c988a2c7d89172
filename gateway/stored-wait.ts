import type { Limits } from "../src/limits.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { PartitionView } from "./partition-view.ts";

export interface StoredWait {
  /** Resolves when the store has got there, or will not in time. */
  readonly settled: Promise<unknown>;
  readonly view: PartitionView;
  readonly clock: Clock;
  readonly limits: Limits;
}

/**
 * Resolves when `settled` does, or after a bound: a worker that is heard is about to store what it
 * has published, so it gets more time than one that may be away.
 */
export async function waitUntilStored(wait: StoredWait): Promise<void> {
  const { settled, view, clock } = wait;
  const { historyWaitMs, historyWaitSilentMs, beatIntervalMs } = wait.limits;
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.after(historyWaitSilentMs, () => {
      // Asked now: the wait's own question may have brought the first beat.
      if (view.isHeard(clock.monotonic() - 2 * beatIntervalMs))
        timer = clock.after(historyWaitMs - historyWaitSilentMs, resolve);
      else resolve();
    });
  });
  await Promise.race([settled, late]);
  timer?.cancel();
}
