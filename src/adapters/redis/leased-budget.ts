import type { Limits } from "../../limits.ts";
import { fullBucket, takeTokens, type Rate, type TokenBucket } from "../../policy/token-bucket.ts";
import type { SharedBudget } from "../../ports/shared-limits.ts";

/** What the shared bucket answers. */
export interface Grant {
  /** Whole tokens that are this process's now. */
  readonly tokens: number;
  /** Processes that asked lately, this one included. */
  readonly members: number;
  /** Ms until there is a token again, when none was given. */
  readonly waitMs: number;
}

export interface LeasedBudgetOptions {
  readonly limits: Limits;
  readonly monotonic: () => number;
  /** Asks the shared bucket, after giving some back; rejects when it cannot be reached. */
  readonly ask: (tokens: number, rate: Rate, back: number) => Promise<Grant>;
}

/** Between two questions to a bucket that was empty or away: many processes ask it. */
const EMPTY_PAUSE_MS = 20;
const AWAY_PAUSE_MS = 500;
/** A lease that is not spent is lost to the others. */
const CHUNKS_MAX = 16;

/**
 * Spends a shared bucket in leases that are taken ahead of need, so that no send waits for an answer.
 * What is spent before the first answer is a debt that the next lease pays.
 */
export class LeasedBudget implements SharedBudget {
  readonly #options: LeasedBudgetOptions;
  #leased = 0;
  /** Chunks of the next lease, if there is so much. */
  #chunks = 1;
  /** Refused before the answer. */
  #ranDry = false;
  #leaseEnd = 0;
  #grantedAt = 0;
  /** Tokens that the bucket gets back with the next question. */
  #back = 0;
  #debt = 0;
  #members = 1;
  /** Monotonic ms of the question under way. */
  #askedAt: number | undefined;
  #askAgainAt = Number.NEGATIVE_INFINITY;
  #away = false;
  #share: TokenBucket | undefined;

  constructor(options: LeasedBudgetOptions) {
    this.#options = options;
  }

  take(now: number, rate: Rate): number {
    const chunk = this.#chunkOf(rate);
    if (now > this.#leaseEnd) {
      if (this.#leased > 0) this.#chunks = 1;
      this.#leased = 0;
    }
    // Meanwhile the bucket fills up: all that is kept could be spent on top of a whole burst.
    if (this.#leased > chunk && now - this.#grantedAt > this.#options.limits.rateLeaseMs) {
      this.#back += this.#leased - chunk;
      this.#leased = chunk;
    }
    if (this.#leased >= 1) this.#leased--;
    else {
      const wait = this.#takeUnleased(now, rate, chunk);
      if (wait > 0) return wait;
    }
    if (this.#leased < this.#leaseOf(rate, chunk) / 2) this.#ask(now, rate, chunk);
    return 0;
  }

  /**
   * Tokens of one lease. More for who runs dry while the answer is on its way, since a busy process
   * takes in one turn what came while it had none; together no more than half of the burst.
   */
  #leaseOf({ burst }: Rate, chunk: number): number {
    const share = burst / this.#members / 2;
    return Math.max(chunk, Math.min(this.#chunks * chunk, Math.floor(share)));
  }

  /** The least tokens of one lease, and the most that is spent on credit. */
  #chunkOf({ perSecond, burst }: Rate): number {
    const chunk = Math.ceil((perSecond * this.#options.limits.rateLeaseMs) / 1_000);
    return Math.max(1, Math.min(chunk, Math.floor(burst)));
  }

  #takeUnleased(now: number, rate: Rate, chunk: number): number {
    this.#ask(now, rate, chunk);
    if (this.#away || this.#isLate(now)) return this.#takeShare(now, rate);
    if (this.#askedAt === undefined) return Math.max(1, Math.ceil(this.#askAgainAt - now));
    if (this.#debt >= chunk) {
      this.#ranDry = true;
      return EMPTY_PAUSE_MS;
    }
    this.#debt++;
    return 0;
  }

  /** The answer takes so long that it may never come. */
  #isLate(now: number): boolean {
    return this.#askedAt !== undefined && now - this.#askedAt > this.#options.limits.rateAnswerMs;
  }

  #takeShare(now: number, rate: Rate): number {
    const share = {
      perSecond: rate.perSecond / this.#members,
      burst: Math.max(1, rate.burst / this.#members),
    };
    this.#share ??= fullBucket(share, now);
    return takeTokens(this.#share, share, now);
  }

  #ask(now: number, rate: Rate, chunk: number): void {
    if (this.#askedAt !== undefined || now < this.#askAgainAt) return;
    this.#askedAt = now;
    const back = this.#back;
    this.#back = 0;
    this.#options.ask(this.#leaseOf(rate, chunk) + this.#debt, rate, back).then(
      (grant) => this.#granted(grant),
      () => {
        this.#away = true;
        this.#askedAt = undefined;
        this.#askAgainAt = this.#options.monotonic() + AWAY_PAUSE_MS;
      },
    );
  }

  #granted({ tokens, members, waitMs }: Grant): void {
    const now = this.#options.monotonic();
    const paid = Math.min(this.#debt, tokens);
    this.#debt -= paid;
    this.#leased += tokens - paid;
    if (tokens > paid) {
      this.#grantedAt = now;
      this.#leaseEnd = now + this.#options.limits.rateLeaseLifeMs;
    }
    this.#members = Math.max(1, members);
    if (this.#ranDry && tokens > 0) this.#chunks = Math.min(2 * this.#chunks, CHUNKS_MAX);
    this.#ranDry = false;
    this.#away = false;
    this.#askedAt = undefined;
    const empty = tokens <= paid;
    this.#askAgainAt = empty ? now + Math.max(EMPTY_PAUSE_MS, waitMs) : now;
  }
}
