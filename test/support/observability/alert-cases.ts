/** What is scraped in one case, for sixteen minutes: series, and their samples as promtool writes them. */
export type Scraped = Readonly<Record<string, string>>;

/** One alert at rest and firing. */
export interface AlertCase {
  readonly alert: string;
  /** What must fire none of its severities: as near to it as can be. */
  readonly quiet: Scraped;
  /** What must fire just these. */
  readonly fires: readonly (readonly [severities: readonly string[], scraped: Scraped])[];
}

const SAMPLES = 64;
/** A value that stays. */
const flat = (value: number): string => `${value}+0x${SAMPLES}`;
/** So much more with each sample, of which there are four a minute. */
const rising = (by: number): string => `0+${by}x${SAMPLES}`;
/** So much more a second. */
const perSecond = (value: number): string => rising(value * 15);

/** An alert whose severities have thresholds, which are themselves still quiet. */
function pair(
  alert: string,
  at: (value: number) => Scraped,
  [warning, critical]: readonly [number, number],
  step: number,
): AlertCase {
  return {
    alert,
    quiet: at(warning),
    fires: [
      [["warning"], at(warning + step)],
      [["warning"], at(critical)],
      [["critical", "warning"], at(critical + step)],
    ],
  };
}

function single(alert: string, severity: string, quiet: Scraped, firing: Scraped): AlertCase {
  return { alert, quiet, fires: [[[severity], firing]] };
}

/** A histogram all of whose observations are at most `bound` and above the bound before. */
function within(metric: string, labels: string, bound: string, before: string): Scraped {
  return {
    [`${metric}_bucket{${labels}le="${before}"}`]: flat(0),
    [`${metric}_bucket{${labels}le="${bound}"}`]: rising(100),
    [`${metric}_bucket{${labels}le="+Inf"}`]: rising(100),
  };
}

function latency(alert: string, metric: string, labels: string, below = "0.05"): AlertCase {
  return {
    alert,
    quiet: within(metric, labels, "0.1", below),
    fires: [
      [["warning"], within(metric, labels, "0.2", "0.1")],
      [["critical", "warning"], within(metric, labels, "1", "0.5")],
    ],
  };
}

const one = (series: string, value: number): Scraped => ({ [series]: flat(value) });
const audit = (name: string, kind: string): AlertCase =>
  single(
    name,
    "critical",
    one(`tidegate_audit_${kind}_total{instance="c-1"}`, 0),
    one(`tidegate_audit_${kind}_total{instance="c-1"}`, 1),
  );
const lag = (metric: string, pool: string): string => `tidegate_pool_lag_${metric}{pool="${pool}"`;

export const ALERT_CASES: readonly AlertCase[] = [
  pair(
    "TidegateLagRecords",
    (records) => ({
      [`${lag("records", "delivery")},instance="c-1"}`]: flat(records / 2),
      [`${lag("records", "delivery")},instance="c-2"}`]: flat(records / 2),
      [`${lag("records", "auditor")},instance="c-1"}`]: flat(1e9),
    }),
    [10_000, 100_000],
    2,
  ),
  pair(
    "TidegateLagSeconds",
    (seconds) => ({
      [`${lag("seconds", "delivery")},instance="c-1"}`]: flat(0),
      [`${lag("seconds", "delivery")},instance="c-2"}`]: flat(seconds),
      [`${lag("seconds", "auditor")},instance="c-2"}`]: flat(1e6),
    }),
    [2, 5],
    0.1,
  ),
  single(
    "TidegatePartitionsHalted",
    "critical",
    one("tidegate_delivery_partitions_halted", 0),
    one("tidegate_delivery_partitions_halted", 1),
  ),
  single(
    "TidegatePartitionsUnowned",
    "critical",
    {
      'tidegate_kafka_partitions{instance="c-1"}': flat(8),
      'tidegate_kafka_partitions{instance="c-2"}': flat(8),
      'tidegate_delivery_partitions{instance="c-1"}': flat(5),
      'tidegate_delivery_partitions{instance="c-2"}': flat(3),
    },
    {
      'tidegate_kafka_partitions{instance="c-1"}': flat(8),
      'tidegate_delivery_partitions{instance="c-1"}': flat(5),
      'tidegate_delivery_partitions{instance="c-2"}': flat(2),
    },
  ),
  single(
    "TidegateDeliveryAbsent",
    "critical",
    one('tidegate_pool_partitions{pool="delivery"}', 0),
    one('tidegate_pool_partitions{pool="auditor"}', 1),
  ),
  single("TidegateStoreRetries", "warning", one("tidegate_delivery_store_retries_total", 7), {
    tidegate_delivery_store_retries_total: rising(1),
  }),
  single("TidegateDeadLetters", "warning", one('tidegate_dead_letters_total{pool="delivery"}', 3), {
    'tidegate_dead_letters_total{pool="delivery"}': "0x40 1x23",
  }),
  audit("TidegateAuditLost", "lost"),
  audit("TidegateAuditDuplicate", "duplicate"),
  audit("TidegateAuditReordered", "reordered"),
  audit("TidegateAuditAltered", "altered"),
  single("TidegateDiverged", "critical", one("tidegate_relay_diverged_total", 2), {
    tidegate_relay_diverged_total: "0x40 1x23",
  }),
  single(
    "TidegateAuditorAbsent",
    "warning",
    one('tidegate_pool_partitions{pool="auditor"}', 0),
    one('tidegate_pool_partitions{pool="delivery"}', 1),
  ),
  latency(
    "TidegateMessageLatency",
    "tidegate_message_latency_seconds",
    'stage="written",',
    "0.075",
  ),
  latency("TidegateRequestLatency", "tidegate_http_request_seconds", 'route="send",'),
  pair(
    "TidegateSendErrors",
    (ratio) => ({
      tidegate_sends_accepted_total: perSecond(10_000),
      'tidegate_sends_failed_total{code="log_unavailable"}': perSecond(10_000 * ratio),
      'tidegate_sends_failed_total{code="overloaded"}': flat(0),
    }),
    [0.005, 0.01],
    0.000_2,
  ),
  pair(
    "TidegateRequestErrors",
    (ratio) => ({
      'tidegate_http_requests_total{route="send",status="2xx"}': perSecond(10_000 * (1 - ratio)),
      'tidegate_http_requests_total{route="send",status="5xx"}': perSecond(10_000 * ratio),
      'tidegate_http_requests_total{route="health",status="5xx"}': perSecond(10_000),
    }),
    [0.005, 0.01],
    0.000_2,
  ),
  single(
    "TidegateReadersDemoted",
    "warning",
    { tidegate_relay_demoted_total: perSecond(10) },
    { tidegate_relay_demoted_total: perSecond(11) },
  ),
  single(
    "TidegateBackplaneSilent",
    "warning",
    one("tidegate_relay_tailed_partitions", 0),
    one("tidegate_relay_tailed_partitions", 1),
  ),
  single(
    "TidegateCircuitOpen",
    "warning",
    {
      tidegate_partition_circuits_open: flat(0),
      tidegate_outbox_put_circuit_open: flat(0),
    },
    {
      tidegate_partition_circuits_open: flat(1),
      tidegate_outbox_put_circuit_open: flat(0),
    },
  ),
  single(
    "TidegateConnectionsNearLimit",
    "warning",
    one('tidegate_connections{instance="g-1"}', 160_000),
    one('tidegate_connections{instance="g-1"}', 160_001),
  ),
  pair("TidegateOutboxAge", (age) => one("tidegate_outbox_oldest_age_seconds", age), [60, 600], 1),
  {
    alert: "TidegateOutboxFull",
    quiet: {
      tidegate_outbox_depth: flat(500_000),
      tidegate_outbox_characters: flat(2 ** 29),
      'tidegate_outbox_own_rows{instance="g-1"}': flat(125_000),
      'tidegate_outbox_own_rows{instance="g-2"}': flat(125_000),
      'tidegate_outbox_own_characters{instance="g-1"}': flat(2 ** 27),
    },
    fires: [
      [["critical"], one("tidegate_outbox_depth", 500_001)],
      [["critical"], one("tidegate_outbox_characters", 2 ** 29 + 1)],
      // A gateway refuses long before the outbox of all is full.
      [["critical"], one('tidegate_outbox_own_rows{instance="g-1"}', 125_001)],
      [["critical"], one('tidegate_outbox_own_characters{instance="g-1"}', 2 ** 27 + 1)],
    ],
  },
  single(
    "TidegateOutboxParked",
    "warning",
    one("tidegate_outbox_parked", 0),
    one("tidegate_outbox_parked", 1),
  ),
  pair(
    "TidegateKafkaUnderReplicated",
    (count) => ({
      'tidegate_kafka_partitions_under_replicated{instance="c-1"}': flat(count),
      'tidegate_kafka_partitions_under_replicated{instance="c-2"}': flat(0),
    }),
    [0, 5],
    1,
  ),
  pair(
    "TidegateKafkaIsrShrinks",
    (perMinute) => ({
      'tidegate_kafka_isr_shrinks_total{instance="c-1"}': perSecond(perMinute / 60),
      'tidegate_kafka_isr_shrinks_total{instance="c-2"}': perSecond(perMinute / 60),
    }),
    [0.99, 4.99],
    0.1,
  ),
  single(
    "TidegateKafkaOffline",
    "critical",
    one("tidegate_kafka_partitions_offline", 0),
    one("tidegate_kafka_partitions_offline", 1),
  ),
  single("TidegateKafkaBrokerDown", "critical", one("tidegate_kafka_brokers", 3), {
    tidegate_kafka_brokers: "3x20 2x43",
  }),
  single(
    "TidegateKafkaUnseen",
    "warning",
    {
      'tidegate_log_watch_failures_total{instance="c-1"}': rising(1),
      'tidegate_log_watch_failures_total{instance="c-2"}': flat(1),
    },
    {
      'tidegate_log_watch_failures_total{instance="c-1"}': rising(1),
      'tidegate_log_watch_failures_total{instance="c-2"}': rising(1),
    },
  ),
  latency("TidegateKafkaLatency", "tidegate_kafka_produce_request_seconds", ""),
  pair(
    "TidegateKafkaDisk",
    (ratio) => one('tidegate_kafka_disk_used_ratio{broker="2",instance="c-1"}', ratio),
    [0.7, 0.85],
    0.01,
  ),
  single(
    "TidegateDown",
    "critical",
    {
      'up{job="tidegate-gateway"}': flat(1),
      // Not there without an admin key, and no process of its own.
      'up{job="tidegate-tenants"}': flat(0),
      'up{job="node"}': flat(0),
    },
    { 'up{job="tidegate-gateway"}': flat(0) },
  ),
  single(
    "TidegateEventLoopDelay",
    "warning",
    within("tidegate_event_loop_delay_seconds", 'instance="g-1",', "0.1", "0.05"),
    within("tidegate_event_loop_delay_seconds", 'instance="g-1",', "0.25", "0.1"),
  ),
  single(
    "TidegateMemory",
    "warning",
    {
      'process_resident_memory_bytes{job="tidegate-gateway"}': flat(2e9),
      'process_resident_memory_bytes{job="postgres"}': flat(9e9),
    },
    one('process_resident_memory_bytes{job="tidegate-gateway"}', 2.1e9),
  ),
  single(
    "TidegateClocksDisagree",
    "warning",
    { tidegate_message_clock_behind_total: perSecond(1) },
    { tidegate_message_clock_behind_total: perSecond(1.1) },
  ),
  single(
    "TidegateThroughputHigh",
    "info",
    { tidegate_sends_accepted_total: perSecond(100_000) },
    { tidegate_sends_accepted_total: perSecond(100_001) },
  ),
  pair(
    "TidegateDisk",
    (ratio) => one('tidegate_disk_used_ratio{instance="s-1"}', ratio),
    [0.7, 0.85],
    0.01,
  ),
  pair(
    "ExternalDisk",
    (ratio) => ({
      'node_filesystem_size_bytes{job="node",fstype="ext4",instance="p-1"}': flat(1_000),
      'node_filesystem_avail_bytes{job="node",fstype="ext4",instance="p-1"}': flat(
        1_000 * (1 - ratio),
      ),
    }),
    [0.69, 0.84],
    0.02,
  ),
  single(
    "ExternalMemory",
    "warning",
    {
      'node_memory_MemTotal_bytes{job="node"}': flat(1_000),
      'node_memory_MemAvailable_bytes{job="node"}': flat(101),
    },
    {
      'node_memory_MemTotal_bytes{job="node"}': flat(1_000),
      'node_memory_MemAvailable_bytes{job="node"}': flat(99),
    },
  ),
];
