import type { LaneBeat, LaneHead } from "./frame.ts";

/**
 * What was heard of one partition's lanes: whether something on a lane that is subscribed was missed.
 * A lane that was just subscribed begins with whatever comes first; who joined asks for a beat.
 */
export class Hearing {
  #ownerEpoch = -1;
  /** Subscribed lane → its last number; undefined until it is known. */
  readonly #lanes = new Map<number, number | undefined>();

  /** The lane is subscribed, if it was not: what comes first is its beginning. */
  begin(lane: number): void {
    if (!this.#lanes.has(lane)) this.#lanes.set(lane, undefined);
  }

  /** What comes on the lane has no connection with what came. */
  cut(lane: number): void {
    if (this.#lanes.has(lane)) this.#lanes.set(lane, undefined);
  }

  end(lane: number): void {
    this.#lanes.delete(lane);
  }

  /** @returns whether a publication before this one was missed */
  hear(lane: number, head: LaneHead): boolean {
    if (!this.#follows(head.ownerEpoch)) return false;
    const last = this.#lanes.get(lane);
    if (last === undefined || head.count > last) this.#lanes.set(lane, head.count);
    return last !== undefined && head.count > last + 1;
  }

  /** @returns whether a publication before the beat was missed */
  beat(beat: LaneBeat): boolean {
    if (!this.#follows(beat.ownerEpoch)) return false;
    let missed = false;
    for (const [lane, last] of this.#lanes) {
      const count = beat.counts[lane] as number;
      if (last !== undefined && count <= last) continue;
      if (last !== undefined) missed = true;
      this.#lanes.set(lane, count);
    }
    return missed;
  }

  /** A new owner counts from 1; whoever listens checks everything of the partition then. */
  #follows(ownerEpoch: number): boolean {
    if (ownerEpoch < this.#ownerEpoch) return false;
    if (ownerEpoch > this.#ownerEpoch) {
      this.#ownerEpoch = ownerEpoch;
      for (const lane of this.#lanes.keys()) this.#lanes.set(lane, undefined);
    }
    return true;
  }
}
