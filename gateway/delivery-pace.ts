import type { Limits } from "../src/limits.ts";
import type { Publication } from "../src/ports/backplane.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";

type PaceLimits = Pick<Limits, "deliveryLagMs" | "deliveryLagRecordsMin" | "deliveryHoldMs">;

export interface DeliveryPaceOptions {
  readonly clock: Pick<Clock, "monotonic" | "after">;
  readonly limits: PaceLimits;
  readonly telemetry: Telemetry;
}

/** An own append that landed: everything below `end` did by `at`. */
interface Mark {
  end: number;
  readonly at: number;
}

/** One partition, as far as this gateway appends to it. */
interface Lane {
  /** Own appends that were not heard yet, rising. */
  readonly marks: Mark[];
  /** Monotonic ms at which the last publication was heard, if that was late. */
  lateAt: number | undefined;
  hold: Hold | undefined;
}

interface Hold {
  readonly since: number;
  readonly timer: Timer;
  readonly waiting: (() => void)[];
}

/** Appends that land within so many ms share a mark. */
const MARK_MS = 4;

/**
 * Keeps a gateway's appends from running away from their own delivery. Who sends waits for the log
 * alone, so that in a closed loop deliveries that have once fallen behind would stay there.
 *
 * What a publication that is heard here shows as late holds up the partition's next append until its
 * delivery has caught up, and for a bounded time at most: sends become slower and never stop. Nothing
 * waits for a delivery that is silent. Own appends alone are timed, so that clocks need not agree.
 */
export class DeliveryPace {
  readonly #clock: Pick<Clock, "monotonic" | "after">;
  readonly #limits: PaceLimits;
  readonly #held: Counter;
  readonly #heldSeconds: Counter;
  readonly #lanes = new Map<string, Lane[]>();
  /** The newest are kept: twice what tells late from in time, there may be thousands of partitions. */
  readonly #marksMax: number;

  constructor({ clock, limits, telemetry }: DeliveryPaceOptions) {
    this.#clock = clock;
    this.#limits = limits;
    this.#marksMax = Math.ceil((2 * limits.deliveryLagMs) / MARK_MS);
    this.#held = telemetry.counter({
      name: "tidegate_appends_held_total",
      help: "Times that a partition's appends waited for its delivery",
    });
    this.#heldSeconds = telemetry.counter({
      name: "tidegate_appends_held_seconds_total",
      help: "Time that partitions' appends waited for their delivery, added up over all partitions",
    });
  }

  /** An own append has landed. @param end the next offset after it */
  appended(topic: string, partition: number, end: number): void {
    const { marks } = this.#laneOf(topic, partition);
    const now = this.#clock.monotonic();
    const last = marks[marks.length - 1];
    if (last !== undefined && now - last.at < MARK_MS) {
      if (end > last.end) last.end = end;
      return;
    }
    marks.push({ end, at: now });
    if (marks.length > this.#marksMax) marks.shift();
  }

  /** A publication was heard: its worker has published all that stands before it, too. */
  published({ topic, partition, runs }: Publication): void {
    const lane = this.#lanes.get(topic)?.[partition];
    if (lane === undefined) return;
    let end = 0;
    for (const { offsets } of runs) end = Math.max(end, (offsets[offsets.length - 1] ?? -1) + 1);
    const { marks } = lane;
    while (marks[0] !== undefined && marks[0].end <= end) marks.shift();
    const [oldest] = marks;
    const now = this.#clock.monotonic();
    const lag = oldest === undefined ? 0 : now - oldest.at;
    // Of anybody's. A few that are late are no backlog, and nothing would come sooner for waiting.
    const records = (marks[marks.length - 1]?.end ?? end) - end;
    const { deliveryLagMs, deliveryLagRecordsMin } = this.#limits;
    lane.lateAt = lag > deliveryLagMs && records >= deliveryLagRecordsMin ? now : undefined;
    if (lane.hold !== undefined && lag <= deliveryLagMs / 2) this.#end(lane);
  }

  /** Whether the partition's next append has to wait; then `go` is called, once, when it need not. */
  holds(topic: string, partition: number, go: () => void): boolean {
    const lane = this.#laneOf(topic, partition);
    if (lane.hold === undefined) {
      const since = this.#clock.monotonic();
      // What was late a while ago, and silent since, is no reason to wait.
      if (lane.lateAt === undefined || since - lane.lateAt > this.#limits.deliveryHoldMs)
        return false;
      const timer = this.#clock.after(this.#limits.deliveryHoldMs, () => this.#end(lane));
      lane.hold = { since, timer, waiting: [] };
    }
    lane.hold.waiting.push(go);
    return true;
  }

  #end(lane: Lane): void {
    const { hold } = lane;
    if (hold === undefined) return;
    lane.hold = undefined;
    // Until something is heard again: a delivery that stands still holds up no second append.
    lane.lateAt = undefined;
    hold.timer.cancel();
    this.#held.value++;
    this.#heldSeconds.value += (this.#clock.monotonic() - hold.since) / 1_000;
    for (const go of hold.waiting) go();
  }

  #laneOf(topic: string, partition: number): Lane {
    let lanes = this.#lanes.get(topic);
    if (lanes === undefined) this.#lanes.set(topic, (lanes = []));
    return (lanes[partition] ??= { marks: [], lateAt: undefined, hold: undefined });
  }
}
