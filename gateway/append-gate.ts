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
export interface GateLane {
  /** Characters that wait for it. */
  chars: number;
  /** Monotonic ms: when it answered last, or, if that is later, since when something waits. */
  answeredAt: number;
  /** What waits for it counts no more. */
  isSilent: boolean;
}

interface Hold {
  /** Monotonic ms. */
  readonly since: number;
  readonly timer: Timer;
  readonly waiting: Set<() => void>;
}

/** After so long those who wait ask again: a partition may have become silent. */
const LOOK_MS = 50;

/**
 * Lets frames wait while the log has more before it than it takes in `appendQueueMs`. What is given to
 * a log beyond that is appended no sooner, but later than its time: then it counts as failed, goes to
 * the outbox too, and what is short becomes shorter.
 *
 * A partition that answers nothing for `appendSilentMs`, while others do, does not count: a broker that
 * is away must not hold up what goes to the others. Where nothing answers at all, what waits here is
 * spared the way through a log that is away.
 */
export class AppendGate implements IntakeGate {
  readonly #options: AppendGateOptions;
  readonly #rate = new AppendRate();
  readonly #lanes = new Map<string, GateLane[]>();
  /** Those for which something waits. */
  readonly #busy = new Set<GateLane>();
  readonly #held: Counter;
  readonly #heldSeconds: Counter;
  /** Monotonic ms at which anything landed last. */
  #landedAt = 0;
  #chars = 0;
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
    return (lanes[partition] ??= { chars: 0, answeredAt: 0, isSilent: false });
  }

  /** So many characters wait for the partition from now on. */
  began(lane: GateLane, chars: number): void {
    if (lane.chars === 0) {
      lane.answeredAt = this.#options.clock.monotonic();
      this.#busy.add(lane);
    }
    lane.chars += chars;
    if (!lane.isSilent) this.#chars += chars;
  }

  /** So many wait no longer. @param landed whether the log, or what stands before it, has them */
  ended(lane: GateLane, chars: number, landed: boolean): void {
    lane.chars -= chars;
    if (!lane.isSilent) this.#chars -= chars;
    if (landed) {
      const now = this.#options.clock.monotonic();
      this.#rate.landed(chars, now);
      this.#landedAt = lane.answeredAt = now;
    }
    if (lane.isSilent && (landed || lane.chars === 0)) {
      lane.isSilent = false;
      this.#chars += lane.chars;
    }
    if (lane.chars === 0) this.#busy.delete(lane);
    if (!this.#isFull) this.#end();
  }

  /** Whether the log has enough before it. */
  get isClosed(): boolean {
    if (!this.#isFull) return false;
    this.#findSilent();
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

  get #isFull(): boolean {
    const { appendQueueMs, appendWindowBytesMin } = this.#options.limits;
    return this.#chars >= Math.max(appendWindowBytesMin, this.#rate.perMs * appendQueueMs);
  }

  #findSilent(): void {
    const due = this.#options.clock.monotonic() - this.#options.limits.appendSilentMs;
    if (this.#landedAt <= due) return;
    for (const lane of this.#busy) {
      if (lane.isSilent || lane.answeredAt > due) continue;
      lane.isSilent = true;
      this.#chars -= lane.chars;
    }
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
