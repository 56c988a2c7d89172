import type { Placed } from "../../src/chat/sequencer.ts";
import type { Limits } from "../../src/limits.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { stampOf } from "../../src/wire/stamp.ts";

/** After a rest, storing goes on for so many times as long: what a rest has left is stored then. */
const WORK_RESTS = 2;
/** What was late so long ago says nothing of now. */
const LATE_MS = 100;

/**
 * Lets the store rest while live delivery is behind. Both want the same processors, and readers wait for
 * one of them only: a moment in which the machine cannot do all becomes one in which less is stored, and
 * not one in which everything comes late.
 */
export class Rest {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #limits: Pick<Limits, "storeRestMs" | "storeRestLagMs">;
  readonly #rests: { value: number };
  #lateAt = Number.NEGATIVE_INFINITY;
  #endsAt = Number.NEGATIVE_INFINITY;

  /** @param rests counts them */
  constructor(
    clock: Pick<Clock, "monotonic">,
    limits: Pick<Limits, "storeRestMs" | "storeRestLagMs">,
    rests: { value: number },
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#rests = rests;
  }

  /**
   * Looks at what was folded at once: more time between its first and its last message than a fold
   * should take up says that it has waited. Both stamps are of gateways, so that no clock of this
   * process is compared with theirs.
   *
   * @param first the stamp of the first, ms since 1970, where it has one
   */
  folded(first: number | undefined, placed: readonly Placed[]): void {
    if (first === undefined || placed.length < 2) return;
    const last = stampOf((placed[placed.length - 1] as Placed).event) ?? first;
    if (last - first > this.#limits.storeRestLagMs) this.#lateAt = this.#clock.monotonic();
  }

  /** Whether what can be stored later should be. To ask while delivery is behind begins a rest. */
  rests(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#lateAt > LATE_MS) return false;
    const { storeRestMs } = this.#limits;
    if (now >= this.#endsAt + WORK_RESTS * storeRestMs) {
      this.#endsAt = now + storeRestMs;
      this.#rests.value++;
    }
    return now < this.#endsAt;
  }
}
