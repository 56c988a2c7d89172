import type { Dashboard } from "./dashboard.ts";
import { gauge, quantile, quantiles, rate } from "./query.ts";

export const pools: Dashboard = {
  name: "pools",
  title: "pools",
  about: "Delivery, auditor, outbox and retention, with the store that they write to.",
  instancesOf: "tidegate_pool_partitions",
  rows: [
    {
      title: "Lag",
      panels: [
        {
          title: "Records behind",
          about: "Of each pool; the auditor goes slowly on purpose while much is delivered",
          unit: "short",
          thresholds: [10_000, 100_000],
          queries: [[gauge("sum", "tidegate_pool_lag_records", "pool"), "{{pool}}"]],
        },
        {
          title: "Time behind",
          about: "Age of the oldest record that the pool has not worked off",
          unit: "s",
          thresholds: [2, 5],
          queries: [[gauge("max", "tidegate_pool_lag_seconds", "pool"), "{{pool}}"]],
        },
        {
          title: "Partitions",
          about: "Of each pool in each process",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_pool_partitions", "pool, instance"), "{{pool}} {{instance}}"],
          ],
        },
        {
          title: "Partitions furthest behind",
          about: "Records and seconds, of the delivery pool",
          unit: "short",
          kind: "table",
          width: 24,
          queries: [
            [
              `topk(10, ${gauge("max", "tidegate_pool_partition_lag_records", "topic, partition", 'pool="delivery"')})`,
              "records",
            ],
            [
              `topk(10, ${gauge("max", "tidegate_pool_partition_lag_seconds", "topic, partition", 'pool="delivery"')})`,
              "seconds",
            ],
          ],
        },
      ],
    },
    {
      title: "Delivery",
      panels: [
        {
          title: "Verdicts",
          about: "Records a second: placed, duplicate or refused",
          unit: "mps",
          queries: [
            [rate("tidegate_delivery_placed_total"), "placed"],
            [rate("tidegate_delivery_duplicates_total"), "duplicate"],
            [rate("tidegate_delivery_refused_total"), "refused"],
          ],
        },
        {
          title: "Time to a place",
          about: "From a gateway's taking a message to its seq",
          unit: "s",
          queries: quantiles("tidegate_message_latency_seconds", 'stage="sequenced"'),
        },
        {
          title: "Partitions at rest",
          about: "Halted ones wait for an operator; starting ones read their state",
          unit: "short",
          thresholds: [0, 0],
          queries: [
            [gauge("sum", "tidegate_delivery_partitions_halted"), "halted"],
            [gauge("sum", "tidegate_delivery_partitions_starting"), "starting"],
          ],
        },
        {
          title: "Not stored yet",
          about: "Placed events in memory; consumption pauses at 100,000 a partition",
          unit: "short",
          queries: [[gauge("sum", "tidegate_delivery_tail_events", "instance"), "{{instance}}"]],
        },
        {
          title: "In memory",
          about: "Heads of conversations and accepted ids",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_delivery_heads"), "heads"],
            [gauge("sum", "tidegate_delivery_window_ids"), "ids"],
          ],
        },
        {
          title: "Dead letters",
          about: "Records that were put there, a second",
          unit: "ops",
          queries: [[rate("tidegate_dead_letters_total", "pool"), "{{pool}}"]],
        },
      ],
    },
    {
      title: "Auditor",
      panels: [
        {
          title: "Found",
          about: "Since each process started; anything but 0 is a broken guarantee",
          unit: "short",
          thresholds: [0, 0],
          queries: [
            [gauge("sum", "tidegate_audit_lost_total"), "lost"],
            [gauge("sum", "tidegate_audit_duplicate_total"), "duplicate"],
            [gauge("sum", "tidegate_audit_reordered_total"), "reordered"],
            [gauge("sum", "tidegate_audit_altered_total"), "altered"],
          ],
        },
        {
          title: "Recounted",
          about: "Raw records a second, and those that expired before their turn",
          unit: "mps",
          queries: [
            [rate("tidegate_audit_records_total"), "recounted"],
            [rate("tidegate_audit_skipped_total"), "skipped"],
          ],
        },
        {
          title: "Retention",
          about: "Stored events that were removed, a second",
          unit: "ops",
          queries: [[rate("tidegate_retention_events_total"), "removed"]],
        },
      ],
    },
    {
      title: "Outbox",
      panels: [
        {
          title: "Rows",
          about: "That wait for Kafka, and those that an operator has to look at",
          unit: "short",
          queries: [
            [gauge("max", "tidegate_outbox_depth"), "waiting"],
            [gauge("max", "tidegate_outbox_messages"), "of other services"],
            [gauge("max", "tidegate_outbox_parked"), "parked"],
          ],
        },
        {
          title: "Oldest",
          about: "Time that the oldest row has waited",
          unit: "s",
          thresholds: [60, 600],
          queries: [[gauge("max", "tidegate_outbox_oldest_age_seconds"), "oldest"]],
        },
        {
          title: "Published",
          about: "Rows a second, and tries that failed",
          unit: "ops",
          queries: [
            [rate("tidegate_outbox_published_total"), "published"],
            [rate("tidegate_outbox_publish_errors_total"), "errors"],
            [rate("tidegate_outbox_batch_failures_total"), "batches split"],
          ],
        },
      ],
    },
    {
      title: "Store",
      panels: [
        {
          title: "Commits",
          about: "Time from a commit's call to its outcome",
          unit: "s",
          queries: quantiles("tidegate_store_commit_duration_seconds"),
        },
        {
          title: "Reads, p99",
          about: "By kind",
          unit: "s",
          queries: [
            [quantile(0.99, "tidegate_store_read_duration_seconds", "", "method"), "{{method}}"],
          ],
        },
        {
          title: "Trouble",
          about:
            "A second: commits that failed by code, what had to be repeated, and rests for live delivery",
          unit: "ops",
          queries: [
            [rate("tidegate_store_commit_failures_total", "code"), "{{code}}"],
            [rate("tidegate_delivery_store_retries_total"), "repeated"],
            [rate("tidegate_delivery_store_rests_total"), "rests"],
          ],
        },
        {
          title: "Connections to Postgres",
          about: "At work, and requests that wait for one",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_store_connections_used", "pool"), "{{pool}} at work"],
            [gauge("sum", "tidegate_store_connections_waiting", "pool"), "{{pool}} waiting"],
          ],
        },
        {
          title: "Stored",
          about: "Events and rows a second",
          unit: "ops",
          queries: [
            [rate("tidegate_store_events_total"), "events"],
            [rate("tidegate_store_rows_total"), "rows"],
          ],
        },
      ],
    },
  ],
};
