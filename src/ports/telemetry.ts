/** A running total. `add` is a plain field addition: free enough for every message. */
export interface Counter {
  value: number;
}

export interface Histogram {
  /**
   * In the unit that the name ends in. MUST NOT allocate.
   * @param times as if it was seen so often: one measurement for all of a batch; 1 when absent
   */
  observe(value: number, times?: number): void;
}

/** One value of a metric whose series come and go. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
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
  /**
   * A gauge whose series are those that `read` tells, at each scrape. Of more than there may be, the
   * largest are kept: they are what an operator looks for.
   */
  readings(spec: Omit<MetricSpec, "labels">, read: () => Iterable<Reading>): void;
  /** One structured line for operators. Fields MUST NOT hold content or tokens. */
  log(
    level: "info" | "warn" | "error",
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}
