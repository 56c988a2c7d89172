import type { ErrorCode } from "../errors.ts";
import type { Counter, Telemetry } from "../ports/telemetry.ts";
import type { LogBatch } from "./log-batch.ts";

/** What the accumulator tells of its work; called for every append, so it must be cheap. */
export interface AppendObserver {
  request(batches: readonly LogBatch[], ms: number): void;
  retried(): void;
  appended(records: number, ms: number): void;
  failed(code: ErrorCode, records: number): void;
}

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
const RECORDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];
const BYTES = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576];

/** Appends to Kafka as series. */
export function createAppendMetrics(
  telemetry: Telemetry,
  pendingBytes: () => number,
): AppendObserver {
  const records = telemetry.counter({
    name: "tidegate_kafka_appended_records_total",
    help: "Records that are in the log with acks=all",
  });
  const requests = telemetry.counter({
    name: "tidegate_kafka_produce_requests_total",
    help: "Produce requests that had an end",
  });
  const retries = telemetry.counter({
    name: "tidegate_kafka_produce_retries_total",
    help: "Batches that were tried again",
  });
  const appendSeconds = telemetry.histogram({
    name: "tidegate_kafka_append_seconds",
    help: "Time from an append to its place in the log",
    buckets: SECONDS,
  });
  const requestSeconds = telemetry.histogram({
    name: "tidegate_kafka_produce_request_seconds",
    help: "Time of one produce request",
    buckets: SECONDS,
  });
  const batchRecords = telemetry.histogram({
    name: "tidegate_kafka_batch_records",
    help: "Records of one batch of one partition",
    buckets: RECORDS,
  });
  const batchBytes = telemetry.histogram({
    name: "tidegate_kafka_batch_bytes",
    help: "Bytes of one batch of one partition before compression",
    buckets: BYTES,
  });
  telemetry.gauge(
    { name: "tidegate_kafka_pending_bytes", help: "Bytes that wait for their place in the log" },
    pendingBytes,
  );
  const failures = new Map<ErrorCode, Counter>();
  const failuresOf = (code: ErrorCode): Counter => {
    let counter = failures.get(code);
    if (counter === undefined) {
      counter = telemetry.counter({
        name: "tidegate_kafka_append_failures_total",
        help: "Records that were not appended, or nobody knows, by error",
        labels: { error: code },
      });
      failures.set(code, counter);
    }
    return counter;
  };
  // From the start: of a series that is not there yet the first rise is not seen.
  for (const code of ["log_unavailable", "unknown_outcome"] as const) failuresOf(code);
  return {
    request(batches, ms) {
      requests.value++;
      requestSeconds.observe(ms / 1_000);
      for (const batch of batches) {
        batchRecords.observe(batch.records.length);
        batchBytes.observe(batch.bytes);
      }
    },
    retried() {
      retries.value++;
    },
    appended(count, ms) {
      records.value += count;
      appendSeconds.observe(ms / 1_000);
    },
    failed(code, count) {
      failuresOf(code).value += count;
    },
  };
}
