import { Bag, type Bagged } from "../src/bag.ts";
import type { Limits } from "../src/limits.ts";
import { AppendRate } from "../src/policy/append-rate.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";
import type { IntakeGate } from "./intake.ts";

export interface AppendGateOptions {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  readonly limits: Pick<Limits, "appendQueueMs" | "appendWindowBytesMin" | "appendSilentMs">;
  readonly telemetry: Telemetry;
}

/** One partition that is appended to. */
export interface GateLane extends Bagged {
  /** Characters that wait for it. */
  chars: number;
  /** Monotonic ms: when it answered last, or, if that is later, since when something waits. */
  answeredAt: number;
  /** The last round in which something began. */
  round: number;
}

interface Hold {
  /** Monotonic ms. */
  readonly since: number;
  readonly timer: Timer;
  readonly waiting: Set<() => void>;
}

/** After so long those who wait ask again: a partition may have become silent. */
const LOOK_MS = 50;
/** For so long it stands what was counted: there may be thousands of partitions. */
const COUNTED_MS = 2;
/** Partitions in use are counted by rounds. */
const ROUND_MS = 1_000;

/**
 * Lets frames wait while the log has more before it than it takes in `appendQueueMs`. What is given to
 * a log beyond that is appended no sooner, but later than its time: then it counts as failed, goes to
 * the outbox too, and what is short becomes shorter.
 *
 * One partition must not hold up what goes to the others. Of those in use each counts for twice its even
 * share at most, and for half of all. One that answers nothing for `appendSilentMs` while others do does
 * not count: its broker is away. Where nothing answers at all, what waits here is spared the way through
 * a log that is away.
 */
export class AppendGate implements IntakeGate {
  readonly #options: AppendGateOptions;
  readonly #rate = new AppendRate();
  readonly #lanes = new Map<string, GateLane[]>();
  /** Those for which something waits. */
  readonly #busy = new Bag<GateLane>();
  readonly #held: Counter;
  readonly #heldSeconds: Counter;
  /** Monotonic ms at which anything landed last. */
  #landedAt = 0;
  #chars = 0;
  #limit = Number.POSITIVE_INFINITY;
  #round = 0;
  /** Monotonic ms. */
  #roundEnd = 0;
  #lanesOfRound = 0;
  #lanesBefore = 0;
  /** Monotonic ms. */
  #countedAt = Number.NEGATIVE_INFINITY;
  #isFull = false;
  #hold: Hold | undefined;

  constructor(options: AppendGateOptions) {
    this.#options = options;
    const { telemetry } = options;
    this.#held = telemetry.counter({
      name: "tidegate_intake_held_total",
      help: "Times that what clients send waited for the log, each for 50 ms at most",
    });
    this.#heldSeconds = telemetry.counter({
      name: "tidegate_intake_held_seconds_total",
      help: "Time that what clients send waited to be taken in, since the log had enough before it",
    });
  }

  lane(topic: string, partition: number): GateLane {
    let lanes = this.#lanes.get(topic);
    if (lanes === undefined) this.#lanes.set(topic, (lanes = []));
    return (lanes[partition] ??= { chars: 0, answeredAt: 0, round: -1, bagAt: -1 });
  }

  /** So many characters wait for the partition from now on. */
  began(lane: GateLane, chars: number): void {
    const now = this.#options.clock.monotonic();
    if (now >= this.#roundEnd) this.#nextRound(now);
    if (lane.round !== this.#round) {
      lane.round = this.#round;
      this.#lanesOfRound++;
    }
    if (lane.chars === 0) {
      lane.answeredAt = now;
      this.#busy.add(lane);
    }
    lane.chars += chars;
    this.#chars += chars;
  }

  /** So many wait no longer. @param landed whether the log, or what stands before it, has them */
  ended(lane: GateLane, chars: number, landed: boolean): void {
    lane.chars -= chars;
    this.#chars -= chars;
    if (lane.chars === 0) this.#busy.delete(lane);
    if (landed) {
      const now = this.#options.clock.monotonic();
      this.#rate.landed(chars, now);
      this.#landedAt = lane.answeredAt = now;
    }
    if (this.#hold !== undefined && !this.isClosed) this.#end();
  }

  /** More characters than this are refused. */
  limit(chars: number): void {
    this.#limit = chars;
  }

  /** Whether the log has enough before it. */
  get isClosed(): boolean {
    const bound = this.#bound();
    if (this.#chars < bound) return false;
    const now = this.#options.clock.monotonic();
    if (now - this.#countedAt >= COUNTED_MS) {
      this.#countedAt = now;
      this.#isFull = this.#count(bound, now) >= bound;
    }
    return this.#isFull;
  }

  holds(go: () => void): boolean {
    if (this.#hold === undefined) {
      if (!this.isClosed) return false;
      const { clock } = this.#options;
      const timer = clock.after(LOOK_MS, () => this.#end());
      this.#hold = { since: clock.monotonic(), timer, waiting: new Set() };
    }
    this.#hold.waiting.add(go);
    return true;
  }

  #bound(): number {
    const { appendQueueMs, appendWindowBytesMin } = this.#options.limits;
    const chars = Math.max(appendWindowBytesMin, this.#rate.perMs * appendQueueMs);
    // Else it would stay open while what it lets through is refused.
    return Math.min(chars, this.#limit / 2);
  }

  /** What waits, as far as it counts. */
  #count(bound: number, now: number): number {
    const due = now - this.#options.limits.appendSilentMs;
    const isAnswering = this.#landedAt > due;
    const lanes = Math.max(this.#lanesOfRound, this.#lanesBefore);
    const most = lanes > 1 ? bound * Math.min(1 / 2, 2 / lanes) : bound;
    let chars = 0;
    for (const lane of this.#busy.items)
      if (!isAnswering || lane.answeredAt > due) chars += Math.min(lane.chars, most);
    return chars;
  }

  #nextRound(now: number): void {
    this.#lanesBefore = now < this.#roundEnd + ROUND_MS ? this.#lanesOfRound : 0;
    this.#lanesOfRound = 0;
    this.#round++;
    this.#roundEnd = now + ROUND_MS;
  }

  #end(): void {
    const hold = this.#hold;
    if (hold === undefined) return;
    this.#hold = undefined;
    hold.timer.cancel();
    this.#held.value++;
    this.#heldSeconds.value += (this.#options.clock.monotonic() - hold.since) / 1_000;
    for (const go of hold.waiting) go();
  }
}
