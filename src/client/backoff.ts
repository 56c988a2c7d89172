export interface BackoffOptions {
  /** Upper end of the first wait, in milliseconds. */
  readonly baseMs: number;
  /** Upper end of every wait, in milliseconds. */
  readonly capMs: number;
}

/**
 * Exponential backoff with full jitter: anything from 0 to min(cap, base × 2^attempt), so that
 * clients which lost the same server do not come back together.
 * @param attempt 0 for the first wait
 * @param random in [0, 1)
 */
export function fullJitterMs(attempt: number, random: number, options: BackoffOptions): number {
  return random * Math.min(options.capMs, options.baseMs * 2 ** Math.min(attempt, 30));
}
