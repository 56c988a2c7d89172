import { Registry, type Counter as PromCounter } from "prom-client";
import type { Limits } from "../../limits.ts";
import { checkMetric, type MetricKind } from "../../metric-name.ts";
import type { Clock } from "../../ports/clock.ts";
import type { HistogramSpec, MetricSpec, Telemetry } from "../../ports/telemetry.ts";
import { counterSeries, Family, gaugeSeries, histogramSeries } from "./family.ts";
import { createLog, type LogLevel } from "./log.ts";
import { watchProcess } from "./process.ts";

export interface PrometheusOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly level: LogLevel;
  /** Takes one line with its line break. */
  readonly write: (line: string) => void;
}

export interface PrometheusTelemetry extends Telemetry {
  readonly contentType: string;
  /** The text exposition of everything now. */
  scrape(): Promise<string>;
  /** The series of the metrics whose names `wanted` takes, now. */
  read(wanted: (name: string) => boolean): Promise<Awaited<ReturnType<Family["get"]>>[]>;
  /** Every metric there is, for the reference page. */
  metrics(): readonly { name: string; type: MetricKind; help: string }[];
  /** Stops watching the process. */
  close(): void;
}

/** Numbers for Prometheus and lines of JSON for whoever collects logs. */
export function createPrometheusTelemetry(options: PrometheusOptions): PrometheusTelemetry {
  const { limits } = options;
  const registry = new Registry();
  const families = new Map<string, Family>();
  const full = new Set<string>();

  function family(kind: MetricKind, spec: MetricSpec): Family {
    checkMetric(kind, spec);
    const found = families.get(spec.name);
    if (found) {
      if (found.type !== kind)
        throw new TypeError(`metric ${spec.name}: it is a ${found.type} already`);
      return found;
    }
    const made = new Family(kind, spec, limits.metricSeriesMax);
    families.set(spec.name, made);
    // The registry asks for a name and `get` only; its types know no metrics but its own.
    registry.registerMetric(made as unknown as PromCounter);
    return made;
  }

  /** The caller's numbers go on working; they are not exported. */
  function detached(name: string): void {
    if (full.has(name)) return;
    full.add(name);
    telemetry.log("warn", "a metric has too many series", {
      metric: name,
      limit: limits.metricSeriesMax,
    });
  }

  const telemetry: Telemetry = {
    counter(spec) {
      const series = family("counter", spec).series(spec.labels, counterSeries);
      if (series === undefined) detached(spec.name);
      return series ?? { value: 0 };
    },
    histogram(spec: HistogramSpec) {
      const create = (labels: Readonly<Record<string, string | number>>) =>
        histogramSeries(spec.name, spec.buckets, labels);
      const series = family("histogram", spec).series(spec.labels, create);
      if (series === undefined) detached(spec.name);
      return series ?? create({}).handle;
    },
    gauge(spec, read) {
      const handle = family("gauge", spec).series(spec.labels, gaugeSeries);
      if (handle === undefined) return detached(spec.name);
      handle.read = () => {
        try {
          return read();
        } catch (error) {
          telemetry.log("error", "a gauge cannot be read", { metric: spec.name, error });
          return Number.NaN;
        }
      };
    },
    readings(spec, read) {
      family("gauge", spec).readings = () => {
        try {
          return [...read()];
        } catch (error) {
          telemetry.log("error", "a gauge cannot be read", { metric: spec.name, error });
          return [];
        }
      };
    },
    log: () => {},
  };
  telemetry.log = createLog({ ...options, telemetry });
  const watch = watchProcess(telemetry, options.clock);

  return {
    ...telemetry,
    contentType: registry.contentType,
    scrape: () => registry.metrics(),
    read: (wanted) =>
      Promise.all(
        [...families.values()].filter(({ name }) => wanted(name)).map((one) => one.get()),
      ),
    metrics: () => [...families.values()].map(({ name, type, help }) => ({ name, type, help })),
    close: () => watch.cancel(),
  };
}
