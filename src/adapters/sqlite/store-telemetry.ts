import type { ErrorCode } from "../../errors.ts";
import type { Counter, Histogram, Telemetry } from "../../ports/telemetry.ts";
import type { CommitReply } from "./store-writer-thread.ts";

const SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** What the store tells of itself. */
export class StoreTelemetry {
  readonly #telemetry: Telemetry;
  readonly #commit: Histogram;
  readonly #transaction: Histogram;
  readonly #checkpoint: Histogram;
  readonly #events: Counter;
  readonly #batches: Counter;
  readonly #hits: Counter;
  readonly #misses: Counter;
  readonly #reads = new Map<string, Histogram>();
  #cacheEntries = 0;
  #walFrames = 0;

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
    this.#checkpoint = telemetry.histogram({
      name: "tidegate_store_checkpoint_duration_seconds",
      help: "Time of one checkpoint of the write-ahead log",
      buckets: SECONDS,
    });
    this.#events = telemetry.counter({
      name: "tidegate_store_events_total",
      help: "Events stored",
    });
    this.#batches = telemetry.counter({
      name: "tidegate_store_batches_total",
      help: "Batches stored",
    });
    this.#hits = telemetry.counter({
      name: "tidegate_store_conversation_cache_hits_total",
      help: "Conversations that the writer knew",
    });
    this.#misses = telemetry.counter({
      name: "tidegate_store_conversation_cache_misses_total",
      help: "Conversations that the writer had to look up",
    });
    telemetry.gauge(
      {
        name: "tidegate_store_conversation_cache_entries",
        help: "Conversations that the writer knows",
      },
      () => this.#cacheEntries,
    );
    telemetry.gauge(
      {
        name: "tidegate_store_wal_frames",
        help: "Pages in the write-ahead log at its last checkpoint",
      },
      () => this.#walFrames,
    );
  }

  watchReads(pending: () => number): void {
    this.#telemetry.gauge(
      { name: "tidegate_store_reads_pending", help: "Reads that wait for the store" },
      pending,
    );
  }

  committed(durationMs: number, events: number): void {
    this.#commit.observe(durationMs / 1_000);
    this.#events.value += events;
    this.#batches.value++;
  }

  transaction({ transactionMs, cache, checkpoints }: CommitReply): void {
    this.#transaction.observe(transactionMs / 1_000);
    this.#cacheEntries = cache.entries;
    this.#hits.value = cache.hits;
    this.#misses.value = cache.misses;
    for (const { durationMs, frames, error } of checkpoints) {
      this.#checkpoint.observe(durationMs / 1_000);
      this.#walFrames = frames;
      if (error !== undefined)
        this.#telemetry.log("error", "A checkpoint of the store failed", { error });
    }
  }

  refused(code: ErrorCode): void {
    this.#failuresOf(code).value++;
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

  died(thread: string, reason: string): void {
    this.#telemetry.log("error", "A thread of the store has ended", { thread, reason });
  }
}
