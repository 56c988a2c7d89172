import { AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import {
  fullBucket,
  takeTokens,
  type Rate,
  type TokenBucket,
} from "../../src/policy/token-bucket.ts";
import type { Clock } from "../../src/ports/clock.ts";

export interface AdminGateOptions {
  /** Tells the admin key from any other, in constant time. */
  readonly isAdmin: (key: string) => boolean;
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<Limits, "adminGuessesPerSecond" | "adminGuessesBurst" | "adminKnownMs">;
}

/**
 * Lets the admin key through, and guesses at a low rate. Addresses tell nothing behind a proxy, so
 * that all guesses count together; then nobody could sign in while somebody guesses. So whoever has
 * signed in stays in: until the key was not seen for a while it is looked at whatever the rate.
 */
export class AdminGate {
  readonly #options: AdminGateOptions;
  readonly #rate: Rate;
  readonly #guesses: TokenBucket;
  #knownUntil = Number.NEGATIVE_INFINITY;

  constructor(options: AdminGateOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#rate = { perSecond: limits.adminGuessesPerSecond, burst: limits.adminGuessesBurst };
    this.#guesses = fullBucket(this.#rate, clock.monotonic());
  }

  /** Why a request with this key is not served; undefined: it is the admin's. */
  refusal(key: string | undefined): AppError | undefined {
    if (key === undefined) return new AppError("unauthenticated", "the admin key is needed");
    const { isAdmin, clock, limits } = this.#options;
    const now = clock.monotonic();
    const isKnown = now < this.#knownUntil;
    // A look costs a token until the key is known; what it costs is given back below.
    if (!isKnown && this.#guesses.tokens < 1) {
      const wait = takeTokens(this.#guesses, this.#rate, now);
      if (wait > 0)
        return new AppError("rate_limited", "too many wrong admin keys", { retryAfterMs: wait });
      this.#guesses.tokens++;
    }
    if (isAdmin(key)) {
      this.#knownUntil = now + limits.adminKnownMs;
      return undefined;
    }
    takeTokens(this.#guesses, this.#rate, now);
    return new AppError("unauthenticated", "that is not the admin key");
  }
}
