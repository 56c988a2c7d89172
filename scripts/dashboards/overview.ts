import type { Dashboard } from "./dashboard.ts";
import { gauge, quantile, quantiles, rate, share } from "./query.ts";

const AUDITED = ["lost", "duplicate", "reordered", "altered"] as const;
const LATENCY = "tidegate_message_latency_seconds";
const FAILED = "tidegate_sends_failed_total";
/** Those refused as overloaded were not handed to the log: the alert counts likewise. */
const tried = `(${rate("tidegate_sends_accepted_total")} + ${rate(FAILED, "", 'code="overloaded"')})`;

export const overview: Dashboard = {
  name: "overview",
  title: "overview",
  about: "Whether messages are taken, placed and delivered, how fast, and whether any were lost.",
  instancesOf: "process_start_time_seconds",
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Messages in",
          about: "Sends that were handed to the log, a second",
          unit: "mps",
          kind: "stat",
          width: 4,
          queries: [[rate("tidegate_sends_accepted_total"), "in"]],
        },
        {
          title: "Deliveries",
          about: "Events handed to sockets, a second",
          unit: "mps",
          kind: "stat",
          width: 4,
          queries: [[rate("tidegate_relay_delivered_total"), "out"]],
        },
        {
          title: "End to end, p99",
          about: "From a gateway's taking a message to its writing to a reader's socket",
          unit: "s",
          kind: "stat",
          width: 4,
          thresholds: [0.1, 0.5],
          queries: [[quantile(0.99, LATENCY, 'stage="written"'), "p99"]],
        },
        {
          title: "Failed sends",
          about: "Part of the sends that fail for no fault of their sender",
          unit: "percentunit",
          kind: "stat",
          width: 4,
          thresholds: [0.005, 0.01],
          queries: [[share(rate(FAILED), tried), "failed"]],
        },
        {
          title: "Lag",
          about: "Records that the delivery pool has not placed",
          unit: "short",
          kind: "stat",
          width: 4,
          thresholds: [10_000, 100_000],
          queries: [[gauge("sum", "tidegate_pool_lag_records", "", 'pool="delivery"'), "records"]],
        },
        {
          title: "Broken guarantees",
          about:
            "What the auditor found: lost, duplicate, reordered and altered messages; always 0",
          unit: "short",
          kind: "stat",
          width: 4,
          thresholds: [0, 0],
          queries: [
            [
              AUDITED.map((fault) => gauge("sum", `tidegate_audit_${fault}_total`)).join(" + "),
              "found",
            ],
          ],
        },
      ],
    },
    {
      title: "Messages",
      panels: [
        {
          title: "Throughput",
          about: "Messages through each stage of their way, a second",
          unit: "mps",
          width: 12,
          queries: [
            [rate("tidegate_sends_accepted_total"), "taken"],
            [rate("tidegate_delivery_placed_total"), "placed"],
            [rate("tidegate_store_events_total"), "stored"],
            [rate("tidegate_relay_delivered_total"), "delivered"],
          ],
        },
        {
          title: "End-to-end latency",
          about:
            "By server stamps, of the oldest message of each batch; between machines as exact as their clocks",
          unit: "s",
          width: 12,
          thresholds: [0.1, 0.5],
          queries: quantiles(LATENCY, 'stage="written"'),
        },
        {
          title: "Where the time goes, p99",
          about: "Age of messages at each stage: each line has the ones below it in it",
          unit: "s",
          queries: [[quantile(0.99, LATENCY, "", "stage"), "{{stage}}"]],
        },
        {
          title: "Lag in time",
          about: "Age of the oldest record that a pool has not worked off",
          unit: "s",
          thresholds: [2, 5],
          queries: [[gauge("max", "tidegate_pool_lag_seconds", "pool"), "{{pool}}"]],
        },
        {
          title: "Sends that did not go well",
          about: "A second: failed for no fault of the sender, and refused for their rate",
          unit: "mps",
          queries: [
            [rate("tidegate_sends_failed_total", "code"), "{{code}}"],
            [rate("tidegate_sends_rate_limited_total"), "rate limited"],
          ],
        },
      ],
    },
    {
      title: "Processes",
      panels: [
        {
          title: "Processor time",
          about: "Cores that each process keeps busy",
          unit: "short",
          queries: [[rate("process_cpu_seconds_total", "instance"), "{{instance}}"]],
        },
        {
          title: "Memory",
          about: "In RAM, of each process",
          unit: "bytes",
          queries: [[gauge("max", "process_resident_memory_bytes", "instance"), "{{instance}}"]],
        },
        {
          title: "Event-loop delay, p99",
          about: "How much later than due a timer fires: above 0.1 s a process has too much to do",
          unit: "s",
          queries: [
            [quantile(0.99, "tidegate_event_loop_delay_seconds", "", "instance"), "{{instance}}"],
          ],
        },
      ],
    },
    {
      title: "Out of the ordinary",
      panels: [
        {
          title: "Outbox",
          about: "Messages that were acked out of Postgres and wait for Kafka",
          unit: "short",
          queries: [
            [gauge("max", "tidegate_outbox_depth"), "rows"],
            [gauge("max", "tidegate_outbox_parked"), "parked"],
          ],
        },
        {
          title: "Circuits that are not closed",
          about: "What is left alone for a while since it failed",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_partition_circuits_open"), "partitions (gateways)"],
            [gauge("sum", "tidegate_outbox_put_circuit_open"), "outbox (gateways)"],
            [gauge("sum", "tidegate_kafka_circuits_open"), "brokers"],
            [gauge("sum", "tidegate_outbox_circuits_open"), "partitions (outbox pool)"],
          ],
        },
        {
          title: "Dead letters",
          about: "Records in the pools' dead-letter topics; redriven ones stay there",
          unit: "short",
          queries: [[gauge("max", "tidegate_dead_letters", "pool"), "{{pool}}"]],
        },
        {
          title: "Disk of a standalone server",
          about: "Part of the data folder's file system in use; when it is full, sends are refused",
          unit: "percentunit",
          thresholds: [0.7, 0.85],
          queries: [[gauge("max", "tidegate_disk_used_ratio", "instance"), "{{instance}}"]],
        },
      ],
    },
  ],
};
