import type { Rate } from "../policy/token-bucket.ts";

/** One process's end of a budget that all processes spend together. */
export interface SharedBudget {
  /**
   * Takes one token. MUST NOT wait for anything.
   * @param now monotonic ms
   * @param rate the same in all processes, but for the moment after it was changed
   * @returns 0 when it was taken, else the ms, at least 1, after which to try again
   */
  take(now: number, rate: Rate): number;
}

/**
 * Rates that hold over all processes of an installation.
 *
 * - Together they MUST NOT take more than `burst + perSecond × time` and {@link RATE_SLACK_MS} of the
 *   rate for each process, which is what one may be ahead before it has an answer.
 * - While the shared state cannot be reached, each process MUST go on with its share: the rate divided
 *   by the processes that were last known to spend it.
 * - Budgets of other tenants or names MUST NOT touch each other, whatever the names are.
 */
export interface SharedLimits {
  budget(tenant: string, name: string): SharedBudget;
  close(): Promise<void>;
}

/** Time of the full rate by which one process may be ahead; at least one token. */
export const RATE_SLACK_MS = 200;
