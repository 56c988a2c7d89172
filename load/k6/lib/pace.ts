import type { Plan } from "./plan.ts";
import type { Stage } from "./scenarios.ts";

/** Time between two looks at what is due. */
export const TICK_MS = 10;
/** A cold server is not met by the full rate at once. */
const FIRST_SHARE = 0.1;

/**
 * When each frame of one virtual user is due: an open loop. A frame's time is that of its tick, so
 * that a late tick shows in the latency of its messages instead of thinning out the load.
 */
export class Pace {
  /** From the start of the warm-up to the end of the last stage. */
  readonly lengthMs: number;
  readonly #stages: readonly Stage[];
  readonly #perTurn: number;
  readonly #offset: number;
  #ticks = 0;
  #frames = 0;

  /** @param index which of the virtual users, from 0: their frames take turns */
  constructor(plan: Plan, index: number) {
    const rate = plan.stages[0]?.from ?? 0;
    const rising = { seconds: plan.warmUp / 2, from: rate * FIRST_SHARE, to: rate };
    const level = { seconds: plan.warmUp / 2, from: rate, to: rate };
    this.#stages = [rising, level, ...plan.stages].filter(({ seconds }) => seconds > 0);
    this.#perTurn = plan.perFrame * plan.vus;
    this.#offset = (index % plan.vus) / plan.vus;
    this.lengthMs = (plan.warmUp + plan.seconds) * 1000;
  }

  /**
   * Tells of every tick that has come since the last call, in order, how many frames it has.
   * @param elapsed ms since the start
   * @returns whether the last one has come
   */
  advance(elapsed: number, send: (frames: number, atMs: number) => void): boolean {
    const end = Math.min(elapsed, this.lengthMs);
    while ((this.#ticks + 1) * TICK_MS <= end) {
      this.#ticks++;
      const at = this.#ticks * TICK_MS;
      const due = Math.floor(messagesUntil(this.#stages, at / 1000) / this.#perTurn + this.#offset);
      if (due > this.#frames) send(due - this.#frames, at);
      this.#frames = due;
    }
    return elapsed >= this.lengthMs;
  }
}

/** Messages that the stages, none of which is empty, have until then. */
export function messagesUntil(stages: readonly Stage[], seconds: number): number {
  let messages = 0;
  let left = seconds;
  for (const stage of stages) {
    if (left <= 0) break;
    const span = Math.min(left, stage.seconds);
    const reached = stage.from + ((stage.to - stage.from) * span) / stage.seconds;
    messages += (span * (stage.from + reached)) / 2;
    left -= span;
  }
  return messages;
}
