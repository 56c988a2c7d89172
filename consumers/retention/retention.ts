import { asAppError, type AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { Expired, ExpiringStore, PartitionId } from "../../src/ports/message-store.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import { retentionMetrics, type RetentionMetrics } from "./metrics.ts";

export interface RetentionOptions {
  readonly store: Pick<ExpiringStore, "offsets" | "expire">;
  /** Time that stored events are kept. */
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
}

/**
 * Removes from the store what is over, in rounds over all partitions: also over those of topics that
 * are no more. It needs no share of the work: what two processes do at once is done once, and a round
 * with nothing to do costs one small read for each partition.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #metrics: RetentionMetrics;
  readonly #wakes = new Set<() => void>();
  readonly #running: Promise<void>;
  #batchesMax: number;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#metrics = retentionMetrics(options.telemetry, options.clock);
    this.#batchesMax = options.limits.retentionBatchesMax;
    this.#running = this.#run();
  }

  /** Ends after the transaction at hand, or when half of the drain's time is over. */
  async close(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#closed = true;
    for (const wake of this.#wakes) wake();
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.after(limits.drainDeadlineMs / 2, resolve);
    });
    await Promise.race([this.#running, late]);
    timer?.cancel();
  }

  async #run(): Promise<void> {
    const { random, limits } = this.#options;
    while (!this.#closed) {
      await this.#round();
      // Processes that were started together do not go on together.
      await this.#sleep(limits.retentionIntervalMs * (0.75 + random.next() / 2));
    }
  }

  /** A partition that fails does not keep the others from their turn. */
  async #round(): Promise<void> {
    const { store, limits, telemetry } = this.#options;
    const metrics = this.#metrics;
    const ages: number[] = [];
    let failed: AppError | undefined;
    try {
      for (const partition of await store.offsets()) {
        if (this.#closed) return;
        try {
          const { events, oldestAt } = await this.#expire(partition);
          metrics.events.value += events;
          if (oldestAt !== undefined) ages.push(oldestAt);
        } catch (cause) {
          failed = asAppError(cause);
          await this.#sleep(limits.retentionPauseMs);
        }
      }
    } catch (cause) {
      failed = asAppError(cause);
    }
    if (this.#closed) return;
    metrics.rounds.value++;
    metrics.oldestAt = ages.length === 0 ? undefined : ages.reduce((a, b) => Math.min(a, b));
    if (failed === undefined)
      this.#batchesMax = Math.min(limits.retentionBatchesMax, this.#batchesMax * 2);
    else {
      metrics.failures.value++;
      // A step that is too much for the database's time limit would be too much for ever.
      this.#batchesMax = Math.max(1, Math.floor(this.#batchesMax / 2));
      telemetry.log("warn", "what is over could not be removed from the store, trying again", {
        error: failed.message,
      });
    }
  }

  #expire({ topic, partition }: PartitionId): Promise<Expired> {
    const { store, clock, limits, retentionMs } = this.#options;
    return store.expire(
      { topic, partition },
      {
        storedBefore: clock.now() - retentionMs,
        batchesMax: this.#batchesMax,
        windowOffsets: limits.windowOffsets,
      },
      () => this.#sleep(limits.retentionPauseMs),
    );
  }

  /** @returns whether there is to be anything after it */
  async #sleep(ms: number): Promise<boolean> {
    if (this.#closed) return false;
    const { clock } = this.#options;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      const timer = clock.after(ms, wake);
      this.#wakes.add(wake);
    });
    return !this.#closed;
  }
}
