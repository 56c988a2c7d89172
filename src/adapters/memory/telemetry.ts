import { checkMetric, seriesKey, type MetricKind } from "../../metric-name.ts";
import type { Counter, Histogram, MetricSpec, Reading, Telemetry } from "../../ports/telemetry.ts";

const LINES_MAX = 1_000;

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a histogram saw. */
export interface Distribution {
  count: number;
  sum: number;
  max: number;
}

type Labels = MetricSpec["labels"];

/** Keeps the numbers for tests and the simulation, and writes nothing. */
export interface MemoryTelemetry extends Telemetry {
  /** A counter's or gauge's value now; undefined when nobody asked for that series. */
  value(name: string, labels?: Labels): number | undefined;
  distribution(name: string, labels?: Labels): Readonly<Distribution> | undefined;
  /** The first thousand lines. */
  readonly lines: readonly LogLine[];
}

export function createMemoryTelemetry(): MemoryTelemetry {
  const kinds = new Map<string, MetricKind>();
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, () => number>();
  const readings = new Map<string, () => Iterable<Reading>>();
  const histograms = new Map<string, Distribution & Histogram>();
  const lines: LogLine[] = [];

  const key = (name: string, labels: Labels): string => `${name}${seriesKey(labels)}`;
  function register(kind: MetricKind, spec: MetricSpec): string {
    checkMetric(kind, spec);
    const known = kinds.get(spec.name) ?? kind;
    if (known !== kind) throw new TypeError(`metric ${spec.name}: it is a ${known} already`);
    kinds.set(spec.name, kind);
    return key(spec.name, spec.labels);
  }

  return {
    lines,
    counter: (spec) => orCreate(counters, register("counter", spec), () => ({ value: 0 })),
    histogram: (spec) => orCreate(histograms, register("histogram", spec), createDistribution),
    gauge: (spec, read) => void gauges.set(register("gauge", spec), read),
    readings(spec, read) {
      register("gauge", spec);
      readings.set(spec.name, read);
    },
    log(level, message, fields = {}) {
      if (lines.length < LINES_MAX) lines.push({ level, message, fields });
    },
    value: (name, labels) =>
      counters.get(key(name, labels))?.value ??
      gauges.get(key(name, labels))?.() ??
      [...(readings.get(name)?.() ?? [])].find(
        (reading) => seriesKey(reading.labels) === seriesKey(labels),
      )?.value,
    distribution: (name, labels) => histograms.get(key(name, labels)),
  };
}

function orCreate<T>(map: Map<string, T>, key: string, create: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = create();
  map.set(key, made);
  return made;
}

function createDistribution(): Distribution & Histogram {
  return {
    count: 0,
    sum: 0,
    max: Number.NEGATIVE_INFINITY,
    observe(value, times = 1) {
      this.count += times;
      this.sum += value * times;
      if (value > this.max) this.max = value;
    },
  };
}
