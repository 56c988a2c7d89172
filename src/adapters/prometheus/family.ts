import { seriesKey, type MetricKind } from "../../metric-name.ts";
import type { Counter, Histogram, MetricSpec, Reading } from "../../ports/telemetry.ts";

type Labels = Readonly<Record<string, string | number>>;

/** One line of the exposition, in the form that prom-client's registry renders. */
interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

interface Series {
  readonly handle: unknown;
  samples(): readonly Sample[];
}

/**
 * All series of one metric name, read at scrape. prom-client's own metrics look labels up in a map
 * at each change (a Histogram takes 300 ns and allocates); here callers hold the plain numbers.
 */
export class Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricKind;
  readonly aggregator = "sum";
  /** Replaces what {@link series} made. */
  readings: (() => Iterable<Reading>) | undefined;
  readonly #series = new Map<string, Series>();
  readonly #seriesMax: number;

  constructor(type: MetricKind, spec: MetricSpec, seriesMax: number) {
    this.name = spec.name;
    this.help = spec.help;
    this.type = type;
    this.#seriesMax = seriesMax;
  }

  /** The series of these labels, made if there is room for it; undefined when there is not. */
  series<T>(
    labels: MetricSpec["labels"] = {},
    create: (labels: Labels) => Series & { handle: T },
  ): T | undefined {
    const key = seriesKey(labels);
    const found = this.#series.get(key);
    if (found) return found.handle as T;
    if (this.#series.size >= this.#seriesMax) return undefined;
    const made = create(labels);
    this.#series.set(key, made);
    return made.handle;
  }

  /** What prom-client's registry calls. */
  get(): Promise<{ name: string; help: string; type: MetricKind; values: readonly Sample[] }> {
    const values =
      this.readings === undefined
        ? [...this.#series.values()].flatMap((series) => series.samples())
        : largest([...this.readings()], this.#seriesMax);
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values });
  }
}

function largest(readings: Reading[], max: number): readonly Reading[] {
  if (readings.length <= max) return readings;
  return readings.sort((a, b) => b.value - a.value).slice(0, max);
}

export function counterSeries(labels: Labels): Series & { handle: Counter } {
  const handle = { value: 0 };
  return { handle, samples: () => [{ labels, value: handle.value }] };
}

export interface GaugeHandle {
  read: () => number;
}

export function gaugeSeries(labels: Labels): Series & { handle: GaugeHandle } {
  const handle: GaugeHandle = { read: () => Number.NaN };
  return { handle, samples: () => [{ labels, value: handle.read() }] };
}

export function histogramSeries(
  name: string,
  bounds: readonly number[],
  labels: Labels,
): Series & { handle: Histogram } {
  const handle = new FixedHistogram(bounds);
  return { handle, samples: () => handle.samples(name, labels) };
}

/** Cumulates only when it is rendered, so that an observation touches two numbers. */
class FixedHistogram implements Histogram {
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number, times = 1): void {
    const bounds = this.#bounds;
    const last = bounds.length;
    // Measured against a binary search: faster up to some twenty bounds, as most values are small.
    let i = 0;
    while (i < last && value > (bounds[i] as number)) i++;
    (this.#counts[i] as number) += times;
    this.#sum += value * times;
  }

  samples(name: string, labels: Labels): readonly Sample[] {
    const samples: Sample[] = [];
    let count = 0;
    for (const [i, observed] of this.#counts.entries()) {
      count += observed;
      const le = i < this.#bounds.length ? (this.#bounds[i] as number) : "+Inf";
      samples.push({ labels: { ...labels, le }, value: count, metricName: `${name}_bucket` });
    }
    samples.push({ labels, value: this.#sum, metricName: `${name}_sum` });
    samples.push({ labels, value: count, metricName: `${name}_count` });
    return samples;
  }
}
