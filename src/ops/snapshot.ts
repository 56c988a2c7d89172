import type { Distribution, PartitionLag, ProcessSnapshot, TenantUse } from "../wire/admin.ts";
import {
  LAG_RECORDS,
  LAG_SECONDS,
  LATENCY,
  SHOWN_DISTRIBUTIONS,
  SHOWN_NUMBERS,
  SHOWN_POOL,
  SHOWN_WORST,
} from "./shown.ts";

/** A metric's series as Prometheus has them: cumulative buckets for a histogram. */
export interface MetricSamples {
  readonly name: string;
  readonly values: readonly {
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
    /** Set where it is not the metric's own: `_bucket`, `_sum`, `_count`. */
    readonly metricName?: string;
  }[];
}

export type MetricPart = Pick<ProcessSnapshot, "numbers" | "distributions" | "lag">;

/**
 * What of a process's metrics its snapshot has.
 * @param lagMax partitions: delivery's before those of other pools, those furthest behind first
 */
export function metricPart(metrics: readonly MetricSamples[], lagMax: number): MetricPart {
  const numbers: Record<string, number> = {};
  const distributions: Record<string, Distribution> = {};
  for (const metric of metrics) {
    if (SHOWN_NUMBERS.has(metric.name)) {
      const value = numberOf(metric);
      if (value !== undefined) numbers[metric.name] = value;
    } else if (SHOWN_DISTRIBUTIONS.has(metric.name)) Object.assign(distributions, split(metric));
  }
  return { numbers, distributions, lag: lagOf(metrics, lagMax) };
}

/** Undefined when it cannot be read: JSON has no such number. */
function numberOf({ name, values }: MetricSamples): number | undefined {
  const pool = SHOWN_POOL[name];
  const wanted = values.filter(({ labels }) => pool === undefined || labels["pool"] === pool);
  const finite = wanted.map(({ value }) => value).filter(Number.isFinite);
  if (finite.length === 0) return undefined;
  return SHOWN_WORST.has(name)
    ? Math.max(...finite)
    : finite.reduce((sum, value) => sum + value, 0);
}

/** One distribution for each stage; series that differ in anything else are added up. */
function split({ name, values }: MetricSamples): Record<string, Distribution> {
  const parts = new Map<string, { cumulative: Map<number, number>; sum: number }>();
  for (const { labels, value, metricName } of values) {
    const key = name === LATENCY ? `${name}{${String(labels["stage"])}}` : name;
    let part = parts.get(key);
    if (part === undefined) parts.set(key, (part = { cumulative: new Map(), sum: 0 }));
    if (metricName === `${name}_sum`) part.sum += value;
    else if (metricName === `${name}_bucket`) {
      const bound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
      part.cumulative.set(bound, (part.cumulative.get(bound) ?? 0) + value);
    }
  }
  return Object.fromEntries(
    [...parts].map(([key, { cumulative, sum }]) => {
      const rising = [...cumulative].toSorted(([a], [b]) => a - b);
      const counts = rising.map(([, value], i) => value - (rising[i - 1]?.[1] ?? 0));
      const bounds = rising.map(([bound]) => bound).filter(Number.isFinite);
      return [key, { bounds, counts, sum }];
    }),
  );
}

function lagOf(metrics: readonly MetricSamples[], lagMax: number): PartitionLag[] {
  const found = new Map<string, PartitionLag>();
  const of = (wanted: string) => metrics.find(({ name }) => name === wanted)?.values ?? [];
  const key = (labels: Readonly<Record<string, string | number>>): string =>
    JSON.stringify([labels["pool"], labels["topic"], labels["partition"]]);
  for (const { labels, value } of of(LAG_RECORDS))
    if (Number.isFinite(value))
      found.set(key(labels), {
        pool: String(labels["pool"]),
        topic: String(labels["topic"]),
        partition: String(labels["partition"]),
        records: value,
      });
  for (const { labels, value } of of(LAG_SECONDS)) {
    const known = found.get(key(labels));
    if (known !== undefined && Number.isFinite(value)) known.seconds = value;
  }
  const isDelivery = ({ pool }: PartitionLag): number => (pool === "delivery" ? 1 : 0);
  return [...found.values()]
    .toSorted((a, b) => isDelivery(b) - isDelivery(a) || b.records - a.records)
    .slice(0, lagMax);
}

/** The busiest tenants, by what they sent and what they were sent. */
export function busiest(tenants: readonly TenantUse[], max: number): TenantUse[] {
  const use = (one: TenantUse): number => one.sends + one.delivered + one.connections;
  return tenants.toSorted((a, b) => use(b) - use(a)).slice(0, max);
}
