import type { AppError } from "../../src/errors.ts";

interface Fault {
  readonly error: AppError;
  /** Monotonic ms. */
  readonly at: number;
}

/** Of the group as a whole. */
const GROUP = "";

/**
 * What keeps a pool from its group or from whole topics. A consumer tells when it begins and goes on
 * trying, so that each is kept until something shows that it is over.
 */
export class PoolFaults {
  /** By topic. */
  readonly #faults = new Map<string, Fault>();

  /** @param topic `""`: of the group */
  add(topic: string, error: AppError, now: number): void {
    this.#faults.set(topic, { error, at: now });
  }

  /** The topic is read, or nobody wants it any more. */
  readable(topic: string): void {
    if (this.#faults.size > 0) this.#faults.delete(topic);
  }

  /** Forgets topics that are not read. */
  keep(topics: readonly string[]): void {
    for (const topic of this.#faults.keys())
      if (topic !== GROUP && !topics.includes(topic)) this.#faults.delete(topic);
  }

  /**
   * Those that are not over, by what they concern.
   * @param heardAt monotonic ms at which the group last knew the pool
   */
  *current(heardAt: number): Iterable<readonly [string, AppError]> {
    for (const [topic, { error, at }] of this.#faults)
      if (topic === GROUP && heardAt > at) this.#faults.delete(topic);
      else yield [topic === GROUP ? "the consumer group" : topic, error];
  }
}
