import type { Limits } from "../../src/limits.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { LogEnds } from "../../src/ports/log-cluster.ts";
import type { PartitionId } from "../../src/ports/message-store.ts";
import type { Reading, Telemetry } from "../../src/ports/telemetry.ts";
import { stampOf } from "../../src/wire/stamp.ts";
import { OffsetAge } from "./offset-age.ts";

/** How far a pool has come in a partition of its own. */
export interface PoolPosition extends PartitionId {
  /** The first record that it has not worked off. */
  readonly nextOffset: number;
  /** Value of that record, where the pool has it already. */
  readonly next?: string | undefined;
}

/** A pool whose lag is watched. */
export interface WatchedPool {
  /** Partitions of this process whose state is known. */
  positions(): Iterable<PoolPosition>;
}

export interface LagWatchOptions {
  readonly source: LogEnds;
  readonly clock: Pick<Clock, "after" | "monotonic" | "now">;
  readonly limits: Pick<Limits, "lagIntervalMs">;
  readonly telemetry: Telemetry;
}

interface Lag extends PartitionId {
  readonly pool: string;
  readonly records: number;
  readonly seconds: number;
}

/**
 * Compares how far pools are with the log's ends, every second or so and apart from their work. Lag in
 * seconds is the age of the oldest record that is not worked off, by this process's own clock: when the
 * log's end was where the pool is now.
 */
export class LagWatch {
  readonly #options: LagWatchOptions;
  readonly #pools = new Map<string, WatchedPool>();
  readonly #ages = new Map<string, OffsetAge>();
  #lags: readonly Lag[] = [];
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LagWatchOptions) {
    this.#options = options;
    const { telemetry } = options;
    const gauge = (name: string, help: string, read: () => Iterable<Reading>): void =>
      telemetry.readings({ name: `tidegate_pool_${name}`, help }, read);
    gauge("lag_records", "Records that this process's partitions have and the pool has not", () =>
      this.#byPool((lags) => lags.reduce((sum, { records }) => sum + records, 0)),
    );
    gauge("lag_seconds", "Age of the oldest record that the pool has not worked off", () =>
      this.#byPool((lags) => lags.reduce((max, { seconds }) => Math.max(max, seconds), 0)),
    );
    gauge("partitions", "Partitions of the pool in this process", () =>
      this.#byPool((lags) => lags.length),
    );
    gauge("partition_lag_records", "Lag of a partition, of the largest ones", () =>
      this.#lags.map((lag) => ({ labels: labelsOf(lag), value: lag.records })),
    );
    gauge("partition_lag_seconds", "Lag of a partition in time, of the largest ones", () =>
      this.#lags.map((lag) => ({ labels: labelsOf(lag), value: lag.seconds })),
    );
    this.#schedule();
  }

  watch(pool: string, watched: WatchedPool): void {
    this.#pools.set(pool, watched);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #byPool(fold: (lags: readonly Lag[]) => number): readonly Reading[] {
    return [...this.#pools.keys()].map((pool) => ({
      labels: { pool },
      value: fold(this.#lags.filter((lag) => lag.pool === pool)),
    }));
  }

  #schedule(): void {
    const { clock, limits, telemetry } = this.#options;
    this.#timer = clock.after(limits.lagIntervalMs, () => {
      this.#look()
        .catch((error: unknown) => telemetry.log("warn", "the lag cannot be told", { error }))
        .finally(() => {
          if (!this.#closed) this.#schedule();
        });
    });
  }

  async #look(): Promise<void> {
    const { clock, source } = this.#options;
    const partitions = new Map<string, PartitionId>();
    for (const pool of this.#pools.values())
      for (const position of pool.positions()) partitions.set(nameOf(position), position);
    for (const name of this.#ages.keys()) if (!partitions.has(name)) this.#ages.delete(name);
    const found = await source.ends([...partitions.values()]);
    const now = clock.monotonic();
    [...partitions.keys()].forEach((name, i) => {
      const end = found[i];
      if (end === undefined) return;
      let age = this.#ages.get(name);
      if (age === undefined) this.#ages.set(name, (age = new OffsetAge()));
      age.see(end, now);
    });
    // Read only now: else all that came since the question would be lag.
    this.#lags = [...this.#pools].flatMap(([name, pool]) =>
      [...pool.positions()].flatMap((position) => this.#lagOf(name, position, now)),
    );
  }

  #lagOf(pool: string, position: PoolPosition, now: number): readonly Lag[] {
    const { topic, partition, nextOffset } = position;
    const age = this.#ages.get(nameOf(position));
    if (age?.end === undefined) return [];
    const records = Math.max(0, age.end - nextOffset);
    const ms =
      records === 0 ? 0 : Math.max(age.of(nextOffset, now), this.#stampedMs(age, position));
    return [{ pool, topic, partition, records, seconds: ms / 1_000 }];
  }

  /** Of a record that is older than this watch its gateway's stamp tells more. */
  #stampedMs(age: OffsetAge, { nextOffset, next }: PoolPosition): number {
    if (next === undefined || age.covers(nextOffset)) return 0;
    const stamp = stampOf(next);
    return stamp === undefined ? 0 : this.#options.clock.now() - stamp;
  }
}

function nameOf({ topic, partition }: PartitionId): string {
  return `${topic}/${partition}`;
}

function labelsOf({ pool, topic, partition }: Lag): Readonly<Record<string, string>> {
  return { pool, topic, partition: String(partition) };
}
