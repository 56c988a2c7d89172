/**
 * Picks a share of messages, each with the same chance and apart from the others. It draws how many
 * to pass over and not for each message, which then costs a subtraction.
 */
export class HeadSampler {
  readonly #ratio: number;
  readonly #chance: () => number;
  #left: number;

  /**
   * @param ratio 0 to 1
   * @param chance a number in [0, 1)
   */
  constructor(ratio: number, chance: () => number) {
    this.#ratio = ratio;
    this.#chance = chance;
    this.#left = this.#gap();
  }

  /** Whether this one is picked. */
  take(): boolean {
    if (--this.#left > 0) return false;
    this.#left = this.#gap();
    return true;
  }

  /** The geometric distribution: which one is picked next, counted from 1. */
  #gap(): number {
    if (this.#ratio <= 0) return Number.POSITIVE_INFINITY;
    if (this.#ratio >= 1) return 1;
    return Math.floor(Math.log1p(-this.#chance()) / Math.log1p(-this.#ratio)) + 1;
  }
}
