export interface Backoff {
  /** Upper end of the first delay, in ms. */
  readonly firstMs: number;
  /** Upper end of every delay, in ms. */
  readonly maxMs: number;
}

/** From here on 2^attempt times any delay is past every sensible maximum. */
const DOUBLINGS_MAX = 30;

/**
 * The delay before try number `attempt` (0: the first retry) with full jitter: evenly anywhere
 * between 0 and the exponential bound, so that many who failed together do not come back together
 * (AWS Architecture Blog, "Exponential Backoff And Jitter").
 *
 * @param random in [0, 1)
 * @returns ms
 */
export function backoffMs(attempt: number, random: number, backoff: Backoff): number {
  const doublings = Math.min(Math.max(attempt, 0), DOUBLINGS_MAX);
  return random * Math.min(backoff.maxMs, backoff.firstMs * 2 ** doublings);
}
