import type { GroupLag } from "../../group/source.ts";
import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";

/** Short against what a page takes, and nothing while nobody is behind. */
const LOOK_MS = 1;

export interface LogPaceEvents {
  lag(): GroupLag;
  /** Commits have waited for so long. */
  held(ms: number): void;
}

/**
 * Keeps the log from running away from those who read it in this process. Who sends waits for the log
 * alone, so that in a closed loop a reader that has once fallen behind would never get back: it reads
 * files then, which costs more than being handed records, on the thread that takes the sends too.
 *
 * While the reader is too far behind, a commit waits until it has everything, and no longer than for a
 * bounded time: sends become slower and never stop. For a reader that did not move at all meanwhile
 * (a store that is away) no further commit waits until it moves again.
 */
export class LogPace {
  private readonly clock: Pick<Clock, "monotonic" | "after">;
  private readonly limits: Pick<Limits, "commitLagRecordsMax" | "commitHoldMs">;
  private readonly events: LogPaceEvents;
  private looking = false;
  /** The next commit has waited already. */
  private isDue = false;
  /** What a reader that did not move had been handed. */
  private stuckAt: number | undefined;

  constructor(
    clock: Pick<Clock, "monotonic" | "after">,
    limits: Pick<Limits, "commitLagRecordsMax" | "commitHoldMs">,
    events: LogPaceEvents,
  ) {
    this.clock = clock;
    this.limits = limits;
    this.events = events;
  }

  /** Whether the next commit has to wait; then `go` is called, once, when it need not any more. */
  holds(go: () => void): boolean {
    if (this.looking) return true;
    if (this.isDue) return false;
    const { records, handed } = this.events.lag();
    if (records <= this.limits.commitLagRecordsMax) return false;
    if (this.stuckAt === handed) return false;
    this.looking = true;
    this.look(this.clock.monotonic(), handed, go);
    return true;
  }

  committed(): void {
    this.isDue = false;
  }

  private look(since: number, handedBefore: number, go: () => void): void {
    this.clock.after(LOOK_MS, () => {
      const { records, handed } = this.events.lag();
      const ms = this.clock.monotonic() - since;
      if (records > 0 && ms < this.limits.commitHoldMs) {
        this.look(since, handedBefore, go);
        return;
      }
      this.looking = false;
      this.isDue = true;
      this.stuckAt = records > 0 && handed === handedBefore ? handed : undefined;
      this.events.held(ms);
      go();
    });
  }
}
