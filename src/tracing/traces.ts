import type { Limits } from "../limits.ts";
import { fullBucket, takeTokens, type Rate, type TokenBucket } from "../policy/token-bucket.ts";
import type { Clock } from "../ports/clock.ts";
import type { Counter, Telemetry } from "../ports/telemetry.ts";
import type { Tracer, Tracing } from "../ports/tracer.ts";

export interface TracesOptions {
  readonly tracing: Tracing;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
}

/** Why a message is traced that was not sampled. */
export type LateReason = "slow" | "failed";

/** Beyond it the two clocks have drifted apart, or one was set. */
const DRIFT_MS = 2;
/** Not each time is asked about it: two looks at clocks for each of a span's two times. */
const DRIFT_CHECK_MS = 100;

/** What the components of one process that trace share: the tracer, its clock, and what may be late. */
export class Traces {
  readonly tracer: Tracer;
  readonly slowMs: number;
  readonly #clock: Pick<Clock, "now" | "monotonic">;
  readonly #rate: Rate;
  /** One each: in an overload all is slow, and what fails of it must still be seen. */
  readonly #buckets: Readonly<Record<LateReason, TokenBucket>>;
  readonly #leftOut: Readonly<Record<LateReason, Counter>>;
  /** Ms since 1970 at which the monotonic clock began. */
  #begun: number;
  /** Monotonic ms. */
  #checkedAt: number;

  constructor({ tracing, clock, limits, telemetry }: TracesOptions) {
    this.tracer = tracing.tracer;
    this.slowMs = tracing.slowMs;
    this.#clock = clock;
    this.#rate = { perSecond: limits.traceLatePerSecond, burst: limits.traceLatePerSecond };
    const full = () => fullBucket(this.#rate, clock.monotonic());
    this.#buckets = { slow: full(), failed: full() };
    this.#checkedAt = clock.monotonic();
    this.#begun = clock.now() - this.#checkedAt;
    const leftOut = (reason: LateReason) =>
      telemetry.counter({
        name: "tidegate_trace_late_left_out_total",
        help: "Slow or failed messages that were not traced, since there were too many",
        labels: { reason },
      });
    this.#leftOut = { slow: leftOut("slow"), failed: leftOut("failed") };
  }

  /** Monotonic ms now. */
  now(): number {
    return this.#clock.monotonic();
  }

  /** Ms since 1970 of a monotonic time: finer than the wall clock, and never running backwards. */
  at(monotonic: number): number {
    if (monotonic - this.#checkedAt > DRIFT_CHECK_MS) {
      this.#checkedAt = this.#clock.monotonic();
      const drift = this.#clock.now() - this.#checkedAt - this.#begun;
      if (Math.abs(drift) > DRIFT_MS) this.#begun += drift;
    }
    return this.#begun + monotonic;
  }

  /** Whether a message of this stamp, in ms since 1970, is slow. */
  isSlow(stamp: number | undefined): boolean {
    return stamp !== undefined && this.#clock.now() - stamp >= this.slowMs;
  }

  /** Ms that have passed since a stamp, by clocks that may not agree. */
  age(stamp: number): number {
    return Math.max(0, this.#clock.now() - stamp);
  }

  /**
   * How many of so many messages may be traced for this reason now; the others are counted. Asked
   * once for a batch: in an overload everything is late, and must not cost more for it.
   */
  admit(reason: LateReason, count: number): number {
    const now = this.#clock.monotonic();
    const bucket = this.#buckets[reason];
    // What is there now, since tokens are taken all or none.
    takeTokens(bucket, this.#rate, now, 0);
    const admitted = Math.min(count, Math.floor(bucket.tokens));
    if (admitted > 0) takeTokens(bucket, this.#rate, now, admitted);
    this.#leftOut[reason].value += count - admitted;
    return admitted;
  }
}
