import type { Overview } from "../../../../src/wire/admin.ts";
import { make } from "../dom.ts";
import { bytes, count, NOTHING, percent, seconds, span } from "./format.ts";
import { sum, type Moment } from "./meter.ts";
import { countOf, quantile } from "./quantile.ts";
import { facts, meter, table } from "./table.ts";

const LAG_WARN = 10_000;
const LAG_BAD = 100_000;
const DISK_WARN = 0.7;
const DISK_BAD = 0.85;

/** Metrics of time, in the order of a message's way, with the words for them. */
const STAGES: readonly (readonly [string, string])[] = [
  ["tidegate_message_latency_seconds{appended}", "Appended to the log"],
  ["tidegate_message_latency_seconds{sequenced}", "Sequenced"],
  ["tidegate_message_latency_seconds{published}", "Heard by a gateway"],
  ["tidegate_message_latency_seconds{written}", "Written to the socket"],
  ["tidegate_message_latency_seconds{stored}", "Stored"],
  ["tidegate_kafka_append_seconds", "Kafka append"],
  ["tidegate_log_flush_seconds", "Flush to disk"],
  ["tidegate_store_commit_duration_seconds", "Store commit"],
  ["tidegate_http_request_seconds", "HTTP request"],
  ["tidegate_event_loop_delay_seconds", "Event loop delay"],
];

export function stagesPanel(moment: Moment): HTMLElement {
  const rows = STAGES.flatMap(([name, label]) => {
    const recent = moment.recent(name);
    if (!moment.distributions.includes(name)) return [];
    const at = (part: number): string => seconds(recent && quantile(recent, part));
    return [
      [label, at(0.5), at(0.95), at(0.99), recent === undefined ? NOTHING : count(countOf(recent))],
    ];
  });
  const numbers = ["p50", "p95", "p99", "seen"].map((head) => ({ head, isNumber: true }));
  return table([{ head: "stage" }, ...numbers], rows, "Nothing was measured yet.");
}

export function lagPanel({ processes }: Overview): HTMLElement {
  const all = processes
    .filter(({ missing }) => !missing)
    .flatMap(({ snapshot }) => snapshot.lag)
    .toSorted(
      (a, b) =>
        Number(b.pool === "delivery") - Number(a.pool === "delivery") || b.records - a.records,
    );
  const largest = Math.max(1, ...all.map(({ records }) => records));
  const rows = all.map(({ pool, topic, partition, records, seconds: behind }) => {
    const tone = records >= LAG_BAD ? "bad" : records >= LAG_WARN ? "warn" : "";
    const name = make("div", "", `${topic}/${partition}`);
    return [pool, [name, meter(records / largest, tone)], count(records), seconds(behind)];
  });
  return table(
    [
      { head: "pool" },
      { head: "partition" },
      { head: "records", isNumber: true },
      { head: "time", isNumber: true },
    ],
    rows,
    "No partitions yet: they come with the first message of a tenant.",
  );
}

export function outagesPanel(moment: Moment): HTMLElement {
  const row = (name: string, metric: string, format: (value: number) => string = count) => {
    const value = moment.level(metric);
    const tone = (value ?? 0) > 0 ? "warn" : "";
    return { name, value: value === undefined ? NOTHING : format(value), tone };
  };
  const dropped = moment.rate("tidegate_backplane_dropped_total");
  return facts([
    row("Partitions sent to the outbox", "tidegate_partitions_diverted"),
    row("Circuits of partitions open", "tidegate_partition_circuits_open"),
    row("Circuits of outbox puts open", "tidegate_outbox_put_circuit_open"),
    row("Rows in the outbox", "tidegate_outbox_depth"),
    row("Oldest of them", "tidegate_outbox_oldest_age_seconds", seconds),
    row("Parked rows", "tidegate_outbox_parked"),
    row("Partitions tailed from the store", "tidegate_relay_tailed_partitions"),
    row("Kafka partitions without a leader", "tidegate_kafka_partitions_offline"),
    row("Kafka partitions under-replicated", "tidegate_kafka_partitions_under_replicated"),
    {
      name: "Dropped on the way to Redis",
      value: dropped === undefined ? NOTHING : `${count(dropped)} /s`,
      tone: (dropped ?? 0) > 0 ? "warn" : "",
    },
    ...diskOf(moment),
  ]);
}

/** Of a standalone server; the others keep nothing. */
function diskOf(moment: Moment) {
  const used = moment.level("tidegate_disk_used_ratio");
  if (used === undefined) return [];
  const tone = used > DISK_BAD ? "bad" : used > DISK_WARN ? "warn" : "";
  return [{ name: "Disk of the data folder in use", value: percent(used), tone }];
}

export function auditorPanel(moment: Moment): HTMLElement {
  const total = (name: string): number | undefined => moment.level(`tidegate_audit_${name}_total`);
  const recounted = total("records");
  const must = (name: string, metric: string) => {
    const value = total(metric);
    const tone = value === undefined ? "" : value > 0 ? "bad" : "good";
    return { name, value: count(value), tone };
  };
  const rate = moment.rate("tidegate_audit_records_total");
  return facts([
    { name: "Records recounted", value: count(recounted) },
    { name: "Pace", value: rate === undefined ? NOTHING : `${count(rate)} /s` },
    must("Lost", "lost"),
    must("Duplicate", "duplicate"),
    must("Reordered", "reordered"),
    must("Altered", "altered"),
    { name: "Expired before they were recounted", value: count(total("skipped")) },
  ]);
}

export function tenantsPanel({ processes }: Overview, moment: Moment): HTMLElement {
  const connections = new Map<string, number>();
  for (const { missing, snapshot } of processes)
    for (const tenant of missing ? [] : snapshot.tenants)
      connections.set(tenant.name, (connections.get(tenant.name) ?? 0) + tenant.connections);
  const rows = [...connections]
    .map(([name, sockets]) => ({
      name,
      sockets,
      sends: moment.tenantRate(name, "sends"),
      delivered: moment.tenantRate(name, "delivered"),
      limited: moment.tenantRate(name, "rate_limited"),
    }))
    .toSorted((a, b) => b.sends + b.delivered - (a.sends + a.delivered) || b.sockets - a.sockets)
    .map(({ name, sockets, sends, delivered, limited }) => [
      limited > 0 ? [name, " ", make("span", "badge warn", "rate limited")] : name,
      count(sends),
      count(delivered),
      count(sockets),
    ]);
  const numbers = ["sends/s", "delivered/s", "sockets"].map((head) => ({ head, isNumber: true }));
  return table([{ head: "tenant" }, ...numbers], rows, "No tenant was here yet.");
}

export function processesPanel({ now, processes }: Overview, moment: Moment): HTMLElement {
  const rows = processes.map(({ name, age_ms, missing, snapshot }) => {
    const { health, kind, pools, numbers, started } = snapshot;
    const tone = missing ? "bad" : health.status === "ready" ? "good" : "warn";
    const state = missing ? `vanished ${span(age_ms)} ago` : health.status.replace("_", " ");
    const delay = missing ? undefined : moment.recentOf(name, "tidegate_event_loop_delay_seconds");
    return [
      [make("strong", "", name)],
      make("span", `badge ${tone}`, state),
      pools.length === 0 ? kind : pools.join(", "),
      percent(missing ? undefined : moment.rateOf(name, "process_cpu_seconds_total")),
      bytes(numbers["process_resident_memory_bytes"]),
      seconds(delay && quantile(delay, 0.99)),
      count(numbers["tidegate_connections"]),
      count(missing ? undefined : workOf(name, moment)),
      span(now - started),
    ];
  });
  return table(
    [
      { head: "name" },
      { head: "state" },
      { head: "runs" },
      ...["CPU", "memory", "loop delay p99", "sockets", "events/s", "up for"].map((head) => ({
        head,
        isNumber: true,
      })),
    ],
    rows,
    "No process has said anything yet.",
  );
}

/** What a process does: takes, places, hands to sockets. */
function workOf(process: string, moment: Moment): number | undefined {
  return sum(
    [
      "tidegate_sends_accepted_total",
      "tidegate_delivery_placed_total",
      "tidegate_relay_delivered_total",
    ].map((name) => moment.rateOf(process, name)),
  );
}
