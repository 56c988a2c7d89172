import type { Clock } from "../../ports/clock.ts";

export interface LeaderWatchOptions {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  /** Asks any broker about these topics; rejects when none answers. */
  readonly refresh: (topics: Iterable<string>) => Promise<void>;
  /** By partition, as last heard; undefined: there is no such topic. */
  readonly leaders: (topic: string) => readonly number[] | undefined;
  /** Whether a broker fails, so that what it leads waits for another leader. */
  readonly isAway: (broker: number) => boolean;
  /** There was an answer. */
  readonly refreshed: () => void;
}

/** Between two looks. */
const LOOK_MS = 250;

/**
 * Looks for new leaders of what was sent to a broker that failed, until others lead it: nothing else
 * would tell, and those who send wait with their next try, so that they would begin with a dead one.
 */
export class LeaderWatch {
  readonly #options: LeaderWatchOptions;
  /** To be asked about with the next look. */
  #topics = new Set<string>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #due = false;
  #closed = false;

  constructor(options: LeaderWatchOptions) {
    this.#options = options;
  }

  /** A request with records of these topics failed. */
  failed(topics: Iterable<string>): void {
    for (const topic of topics) this.#topics.add(topic);
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
  }

  #schedule(): void {
    if (this.#due || this.#closed || this.#topics.size === 0) return;
    this.#due = true;
    const { clock } = this.#options;
    const wait = Math.max(0, this.#lookedAt + LOOK_MS - clock.monotonic());
    if (wait === 0) void this.#look();
    else clock.after(wait, () => void this.#look());
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    const { clock, refresh, refreshed } = this.#options;
    this.#lookedAt = clock.monotonic();
    const asked = this.#topics;
    this.#topics = new Set();
    let left = [...asked];
    try {
      await refresh(asked);
      refreshed();
      left = left.filter((topic) => !this.#isLed(topic));
    } catch {
      // No broker answers. Whoever needs the answer asks again and hears of the fault.
    }
    for (const topic of left) this.#topics.add(topic);
    this.#due = false;
    this.#schedule();
  }

  #isLed(topic: string): boolean {
    const { leaders, isAway } = this.#options;
    return leaders(topic)?.every((broker) => broker >= 0 && !isAway(broker)) ?? true;
  }
}
