import { asAppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { BrokerDisk, ClusterState, LogCluster } from "../../src/ports/log-cluster.ts";
import type { Counter, Reading, Telemetry } from "../../src/ports/telemetry.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { DEAD_LETTER_POOLS, deadLetterTopic } from "../../src/topics.ts";

export interface LogWatchOptions {
  readonly log: Pick<EventLog, "describeTopic" | "range">;
  /** Undefined where the log is not a cluster. */
  readonly cluster: LogCluster | undefined;
  readonly catalog: Pick<TenantCatalog, "topics">;
  readonly clock: Pick<Clock, "after">;
  readonly limits: Pick<Limits, "logWatchIntervalMs">;
  readonly telemetry: Telemetry;
}

/**
 * Looks every few seconds at what operators have to know of the log: copies that fall behind, brokers
 * and disks, dead letters. Every process that has one tells the same, so that no exporter is needed.
 */
export class LogWatch {
  readonly #options: LogWatchOptions;
  readonly #shrinks: Counter | undefined;
  readonly #expands: Counter | undefined;
  readonly #failures: Counter;
  #inSync = new Map<string, number>();
  #state: ClusterState | undefined;
  #disks: readonly BrokerDisk[] = [];
  #deadLetters: readonly Reading[] = [];
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: LogWatchOptions) {
    this.#options = options;
    const { telemetry, cluster } = options;
    const counter = (name: string, help: string): Counter =>
      telemetry.counter({ name: `tidegate_${name}_total`, help });
    this.#failures = counter("log_watch_failures", "Looks at the log's state that failed");
    telemetry.readings(
      { name: "tidegate_dead_letters", help: "Records in a pool's dead-letter topic" },
      () => this.#deadLetters,
    );
    if (cluster !== undefined) {
      this.#shrinks = counter(
        "kafka_isr_shrinks",
        "Partitions that had fewer copies in sync than at the look before",
      );
      this.#expands = counter(
        "kafka_isr_expands",
        "Partitions that had more copies in sync than at the look before",
      );
      this.#addGauges();
    }
    this.#schedule(0);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** Nothing is told before the first look: a zero would be a claim. */
  #addGauges(): void {
    const { telemetry } = this.#options;
    const gauge = (name: string, help: string, of: (state: ClusterState) => number): void =>
      telemetry.readings({ name: `tidegate_kafka_${name}`, help }, () =>
        this.#state === undefined ? [] : [{ labels: {}, value: of(this.#state) }],
      );
    gauge("brokers", "Brokers that are there", ({ brokers }) => brokers.length);
    gauge("partitions", "Partitions of our topics", ({ partitions }) => partitions.length);
    gauge(
      "partitions_under_replicated",
      "Partitions with a copy that has not all of it",
      ({ partitions }) =>
        partitions.filter((one) => one.inSync.length < one.replicas.length).length,
    );
    gauge(
      "partitions_offline",
      "Partitions without a leader",
      ({ partitions }) => partitions.filter(({ leader }) => leader < 0).length,
    );
    const disk = (name: string, help: string, of: (disk: BrokerDisk) => number): void =>
      telemetry.readings({ name: `tidegate_kafka_${name}`, help }, () =>
        this.#disks.map((one) => ({ labels: { broker: String(one.broker) }, value: of(one) })),
      );
    disk(
      "disk_size_bytes",
      "Room of a broker's disk, the fullest one",
      ({ sizeBytes }) => sizeBytes,
    );
    disk(
      "disk_used_ratio",
      "Part of a broker's disk that is used, of the fullest one",
      ({ sizeBytes, freeBytes }) => 1 - freeBytes / sizeBytes,
    );
  }

  #schedule(ms: number): void {
    const { clock, limits } = this.#options;
    this.#timer = clock.after(ms, () => {
      void this.#look().finally(() => {
        if (!this.#closed) this.#schedule(limits.logWatchIntervalMs);
      });
    });
  }

  async #look(): Promise<void> {
    const { cluster } = this.#options;
    await this.#try("dead letters", () => this.#lookAtDeadLetters());
    if (cluster === undefined) return;
    await this.#try("partitions", () => this.#lookAtPartitions(cluster));
    await this.#try("disks", async () => {
      this.#disks = await cluster.disks();
    });
  }

  async #try(what: string, look: () => Promise<void>): Promise<void> {
    try {
      await look();
    } catch (error) {
      this.#failures.value++;
      const { telemetry } = this.#options;
      if (!this.#closed)
        telemetry.log("warn", "the log's state cannot be told", {
          what,
          error: asAppError(error).message,
        });
    }
  }

  async #lookAtPartitions(cluster: LogCluster): Promise<void> {
    const state = await cluster.state(this.#options.catalog.topics());
    const inSync = new Map<string, number>();
    for (const one of state.partitions) {
      const name = `${one.topic}/${one.partition}`;
      const count = one.inSync.length;
      const before = this.#inSync.get(name) ?? count;
      inSync.set(name, count);
      if (count < before && this.#shrinks !== undefined) this.#shrinks.value++;
      if (count > before && this.#expands !== undefined) this.#expands.value++;
    }
    this.#inSync = inSync;
    this.#state = state;
  }

  async #lookAtDeadLetters(): Promise<void> {
    const { log } = this.#options;
    const readings: Reading[] = [];
    for (const pool of DEAD_LETTER_POOLS) {
      const { name } = deadLetterTopic(pool);
      const topic = await log.describeTopic(name);
      let records = 0;
      for (let partition = 0; partition < (topic?.partitions ?? 0); partition++) {
        const { start, end } = await log.range(name, partition);
        records += end - start;
      }
      readings.push({ labels: { pool }, value: records });
    }
    this.#deadLetters = readings;
  }
}
