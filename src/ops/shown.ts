/**
 * Metrics that the ops page shows, of those that a process has. A snapshot has these alone: each
 * process gives one every two seconds.
 */
export const SHOWN_NUMBERS: ReadonlySet<string> = new Set([
  "tidegate_sends_accepted_total",
  "tidegate_sends_failed_total",
  "tidegate_sends_rate_limited_total",
  "tidegate_sends_kept_total",
  "tidegate_delivery_placed_total",
  "tidegate_delivery_duplicates_total",
  "tidegate_delivery_refused_total",
  "tidegate_delivery_halted_total",
  "tidegate_delivery_partitions",
  "tidegate_delivery_partitions_halted",
  "tidegate_delivery_partitions_starting",
  "tidegate_delivery_tail_events",
  "tidegate_delivery_store_retries_total",
  "tidegate_relay_delivered_total",
  "tidegate_relay_demoted_total",
  "tidegate_relay_gaps_total",
  "tidegate_relay_diverged_total",
  "tidegate_relay_tailed_partitions",
  "tidegate_relay_conversations",
  "tidegate_store_events_total",
  "tidegate_connections",
  "tidegate_connections_unauthenticated",
  "tidegate_outbound_waiting_characters",
  "tidegate_append_pending_characters",
  "tidegate_pool_lag_records",
  "tidegate_pool_lag_seconds",
  "tidegate_outbox_depth",
  "tidegate_outbox_messages",
  "tidegate_outbox_parked",
  "tidegate_outbox_oldest_age_seconds",
  "tidegate_outbox_circuits_open",
  "tidegate_outbox_put_circuit_open",
  "tidegate_partitions_diverted",
  "tidegate_partition_circuits_open",
  "tidegate_backplane_dropped_total",
  "tidegate_backplane_reconnects_total",
  "tidegate_dead_letters_total",
  "tidegate_dead_letters",
  "tidegate_audit_records_total",
  "tidegate_audit_lost_total",
  "tidegate_audit_duplicate_total",
  "tidegate_audit_reordered_total",
  "tidegate_audit_altered_total",
  "tidegate_audit_skipped_total",
  "tidegate_kafka_partitions",
  "tidegate_kafka_partitions_under_replicated",
  "tidegate_kafka_partitions_offline",
  "tidegate_disk_used_ratio",
  "process_resident_memory_bytes",
  "process_cpu_seconds_total",
]);

/** Its series are shown by their stage. */
export const LATENCY = "tidegate_message_latency_seconds";

export const SHOWN_DISTRIBUTIONS: ReadonlySet<string> = new Set([
  LATENCY,
  "tidegate_http_request_seconds",
  "tidegate_kafka_append_seconds",
  "tidegate_log_flush_seconds",
  "tidegate_store_commit_duration_seconds",
  "tidegate_event_loop_delay_seconds",
]);

export const LAG_RECORDS = "tidegate_pool_partition_lag_records";
export const LAG_SECONDS = "tidegate_pool_partition_lag_seconds";

/**
 * Of these only one pool's series are shown: readers wait for delivery alone, and the auditor goes
 * slowly on purpose while much is delivered.
 */
export const SHOWN_POOL: Readonly<Record<string, string>> = {
  tidegate_pool_lag_records: "delivery",
  tidegate_pool_lag_seconds: "delivery",
};

/** Of all others the largest are shown, so that a quantity is not their sum. */
export const SHOWN_WORST: ReadonlySet<string> = new Set([
  "tidegate_pool_lag_seconds",
  "tidegate_outbox_oldest_age_seconds",
  "tidegate_disk_used_ratio",
]);

/** Whether a snapshot needs this metric. */
export const isShown = (name: string): boolean =>
  SHOWN_NUMBERS.has(name) ||
  SHOWN_DISTRIBUTIONS.has(name) ||
  name === LAG_RECORDS ||
  name === LAG_SECONDS;
