/** A rate with room for bursts. */
export interface Rate {
  /** Tokens that come back in a second; more than 0. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds. */
  readonly burst: number;
}

/** A bucket's state: plain numbers that belong to whoever is limited. */
export interface TokenBucket {
  /** At most `burst`; a fraction counts on. */
  tokens: number;
  /** Monotonic ms of the last refill. */
  refilledAt: number;
}

/** Sums of fractions fall short by a little; without this, a token would be there 1 ms after its time. */
const ROUNDING = 1e-6;

export function fullBucket(rate: Rate, now: number): TokenBucket {
  return { tokens: rate.burst, refilledAt: now };
}

/**
 * Takes `count` tokens, or none of them.
 *
 * @param now monotonic ms; an earlier one than before refills nothing
 * @returns 0 when they were taken, else the ms after which they will be there if nobody else takes
 *   any. Infinity for more than the bucket can ever hold.
 */
export function takeTokens(bucket: TokenBucket, rate: Rate, now: number, count = 1): number {
  const elapsed = now - bucket.refilledAt;
  if (elapsed > 0) {
    bucket.tokens = Math.min(rate.burst, bucket.tokens + (elapsed * rate.perSecond) / 1000);
    bucket.refilledAt = now;
  }
  if (bucket.tokens >= count - ROUNDING) {
    bucket.tokens = Math.max(0, bucket.tokens - count);
    return 0;
  }
  if (count > rate.burst) return Number.POSITIVE_INFINITY;
  return Math.ceil(((count - bucket.tokens - ROUNDING) * 1000) / rate.perSecond);
}
