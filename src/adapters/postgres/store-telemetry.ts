import type { ErrorCode } from "../../errors.ts";
import type { PartitionId } from "../../ports/message-store.ts";
import type { Counter, Histogram, Telemetry } from "../../ports/telemetry.ts";
import type { PostgresDatabase } from "./database.ts";
import type { EncodedBatch } from "./store-run.ts";

const SECONDS = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the store tells of itself. */
export class StoreTelemetry {
  readonly #telemetry: Telemetry;
  readonly #commit: Histogram;
  readonly #transaction: Histogram;
  readonly #events: Counter;
  readonly #rows: Counter;
  readonly #batches: Counter;
  readonly #expired: Counter;
  readonly #ended: Counter;
  readonly #reads = new Map<string, Histogram>();

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
    // From the start: of a series that is not there yet the first rise is not seen.
    for (const method of ["heads", "history"]) this.#readOf(method);
    for (const code of ["store_unavailable", "unknown_outcome"] as const) this.#failuresOf(code);
    this.#commit = telemetry.histogram({
      name: "tidegate_store_commit_duration_seconds",
      help: "Time from the call of a commit to its outcome, waiting for others included",
      buckets: SECONDS,
    });
    this.#transaction = telemetry.histogram({
      name: "tidegate_store_transaction_duration_seconds",
      help: "Time of one transaction, which may hold many batches",
      buckets: SECONDS,
    });
    const counter = (name: string, help: string): Counter => telemetry.counter({ name, help });
    this.#events = counter("tidegate_store_events_total", "Events stored");
    this.#rows = counter("tidegate_store_rows_total", "Rows that the stored events took");
    this.#batches = counter("tidegate_store_batches_total", "Batches stored");
    this.#ended = counter(
      "tidegate_store_sessions_ended_total",
      "Database sessions of frozen workers, ended by the partition's next owner",
    );
    this.#expired = counter(
      "tidegate_store_expired_events_total",
      "Events removed because their time was over",
    );
  }

  /** Sessions of frozen workers that a partition's next owner ended. */
  ended({ topic, partition }: PartitionId, sessions: number): void {
    if (sessions === 0) return;
    this.#ended.value += sessions;
    this.#telemetry.log("warn", "ended a frozen worker's database session", {
      topic,
      partition,
      sessions,
    });
  }

  /** @param pool what its connections are for: `write` or `read` */
  watchPool(pool: string, database: PostgresDatabase): void {
    watchConnections(this.#telemetry, pool, database);
  }

  watchConversations(ends: { readonly size: number }): void {
    this.#telemetry.gauge(
      {
        name: "tidegate_store_conversation_cache_entries",
        help: "Conversations that the writer knows",
      },
      () => ends.size,
    );
  }

  committed(durationMs: number, { events, runs }: EncodedBatch): void {
    this.#commit.observe(durationMs / 1_000);
    this.#events.value += events;
    this.#rows.value += runs.length;
    this.#batches.value++;
  }

  transaction(durationMs: number): void {
    this.#transaction.observe(durationMs / 1_000);
  }

  refused(code: ErrorCode): void {
    this.#failuresOf(code).value++;
  }

  expired(events: number): void {
    this.#expired.value += events;
  }

  read(method: string, durationMs: number): void {
    this.#readOf(method).observe(durationMs / 1_000);
  }

  #readOf(method: string): Histogram {
    let histogram = this.#reads.get(method);
    if (!histogram) {
      histogram = this.#telemetry.histogram({
        name: "tidegate_store_read_duration_seconds",
        help: "Time from a read's call to its answer",
        labels: { method },
        buckets: SECONDS,
      });
      this.#reads.set(method, histogram);
    }
    return histogram;
  }

  #failuresOf(code: ErrorCode): Counter {
    return this.#telemetry.counter({
      name: "tidegate_store_commit_failures_total",
      help: "Batches that were not stored",
      labels: { code },
    });
  }
}

/** @param pool what the connections are for */
export function watchConnections(
  telemetry: Pick<Telemetry, "gauge">,
  pool: string,
  database: Pick<PostgresDatabase, "inUse" | "waiting">,
): void {
  const labels = { pool };
  telemetry.gauge(
    { name: "tidegate_store_connections_used", help: "Database connections at work", labels },
    () => database.inUse,
  );
  telemetry.gauge(
    {
      name: "tidegate_store_connections_waiting",
      help: "Requests that wait for a database connection",
      labels,
    },
    () => database.waiting,
  );
}
