import type { Dashboard } from "./dashboard.ts";
import { gauge, quantiles, rate } from "./query.ts";

export const kafka: Dashboard = {
  name: "kafka",
  title: "Kafka and Redis",
  about: "The cluster as Tidegate's own clients see it; no exporter is needed.",
  instancesOf: "tidegate_kafka_connections_total",
  rows: [
    {
      title: "Cluster",
      panels: [
        {
          title: "Brokers",
          about: "That are there",
          unit: "short",
          kind: "stat",
          width: 6,
          queries: [[gauge("max", "tidegate_kafka_brokers"), "brokers"]],
        },
        {
          title: "Partitions",
          about: "Of Tidegate's topics",
          unit: "short",
          kind: "stat",
          width: 6,
          queries: [[gauge("max", "tidegate_kafka_partitions"), "partitions"]],
        },
        {
          title: "Under-replicated",
          about: "Partitions with a copy that has not all of it",
          unit: "short",
          kind: "stat",
          width: 6,
          thresholds: [0, 5],
          queries: [
            [gauge("max", "tidegate_kafka_partitions_under_replicated"), "under-replicated"],
          ],
        },
        {
          title: "Without a leader",
          about: "Partitions that can be neither written nor read",
          unit: "short",
          kind: "stat",
          width: 6,
          thresholds: [0, 0],
          queries: [[gauge("max", "tidegate_kafka_partitions_offline"), "offline"]],
        },
        {
          title: "Copies in sync",
          about: "A minute: partitions that lost one, and that got one back",
          unit: "short",
          thresholds: [1, 5],
          queries: [
            [
              'max (rate(tidegate_kafka_isr_shrinks_total{instance=~"$instance"}[5m])) * 60',
              "shrinks",
            ],
            [
              'max (rate(tidegate_kafka_isr_expands_total{instance=~"$instance"}[5m])) * 60',
              "expands",
            ],
          ],
        },
        {
          title: "Disks",
          about: "Part that is used, of each broker's fullest log folder",
          unit: "percentunit",
          thresholds: [0.7, 0.85],
          queries: [
            [gauge("max", "tidegate_kafka_disk_used_ratio", "broker"), "broker {{broker}}"],
          ],
        },
        {
          title: "Room",
          about: "Size of each broker's fullest disk",
          unit: "bytes",
          queries: [
            [gauge("max", "tidegate_kafka_disk_size_bytes", "broker"), "broker {{broker}}"],
          ],
        },
      ],
    },
    {
      title: "Producing",
      panels: [
        {
          title: "Produce requests",
          about: "Time to acks=all",
          unit: "s",
          thresholds: [0.1, 0.5],
          queries: quantiles("tidegate_kafka_produce_request_seconds"),
        },
        {
          title: "Appends",
          about: "Time from an append to its place in the log, waiting included",
          unit: "s",
          queries: quantiles("tidegate_kafka_append_seconds"),
        },
        {
          title: "Records",
          about: "Appended and acknowledged, a second",
          unit: "mps",
          queries: [[rate("tidegate_kafka_appended_records_total", "instance"), "{{instance}}"]],
        },
        {
          title: "Batches",
          about: "Records in one batch of one partition: more is cheaper",
          unit: "short",
          queries: quantiles("tidegate_kafka_batch_records"),
        },
        {
          title: "Trouble",
          about: "A second: records not appended by error, batches tried again, brokers left alone",
          unit: "ops",
          queries: [
            [rate("tidegate_kafka_append_failures_total", "error"), "{{error}}"],
            [rate("tidegate_kafka_produce_retries_total"), "tried again"],
            [gauge("sum", "tidegate_kafka_circuits_open"), "brokers left alone"],
          ],
        },
        {
          title: "Connections",
          about: "A second: made, and failed by kind",
          unit: "ops",
          queries: [
            [rate("tidegate_kafka_connections_total"), "made"],
            [rate("tidegate_kafka_connection_errors_total", "kind"), "{{kind}}"],
          ],
        },
      ],
    },
    {
      title: "Redis",
      panels: [
        {
          title: "Messages",
          about: "Over the backplane, a second",
          unit: "ops",
          queries: [
            [rate("tidegate_backplane_messages_sent_total"), "sent"],
            [rate("tidegate_backplane_messages_heard_total"), "heard"],
          ],
        },
        {
          title: "Round trip",
          about: "Of a message to itself through Redis",
          unit: "s",
          queries: quantiles("tidegate_backplane_probe_seconds"),
        },
        {
          title: "Trouble",
          about:
            "A second: messages dropped by reason, connections lost, times something was missed",
          unit: "ops",
          queries: [
            [rate("tidegate_backplane_dropped_total", "reason"), "dropped: {{reason}}"],
            [rate("tidegate_backplane_reconnects_total"), "connections lost"],
            [rate("tidegate_backplane_interruptions_total"), "interruptions"],
          ],
        },
      ],
    },
  ],
};
