/** A running total. `add` is a plain field addition: free enough for every message. */
export interface Counter {
  value: number;
}

export interface Histogram {
  /** In the unit that the name ends in. MUST NOT allocate. */
  observe(value: number): void;
}

export interface MetricSpec {
  /** Prometheus name with base unit; counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  /** Constant, bounded labels of this one series. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface HistogramSpec extends MetricSpec {
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

/** Where components leave their numbers. Asking twice for the same series gives the same one. */
export interface Telemetry {
  counter(spec: MetricSpec): Counter;
  histogram(spec: HistogramSpec): Histogram;
  /** `read` is called at each scrape. */
  gauge(spec: MetricSpec, read: () => number): void;
  /** One structured line for operators. Fields MUST NOT hold content or tokens. */
  log(
    level: "info" | "warn" | "error",
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}
