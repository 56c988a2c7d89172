const EXACT = 256;
const HALF = EXACT / 2;
const BUCKETS = EXACT + 24 * HALF;
const US_MAX = 2 ** 31 - 1;

/** A histogram's contents, to be sent to another process. */
export interface HistogramParts {
  readonly counts: Float64Array;
  readonly total: number;
  readonly maxUs: number;
  readonly sumUs: number;
}

/**
 * Counts of durations in logarithmic buckets of at most 0.8 % width, in microseconds, after the
 * idea of HdrHistogram. Recording allocates nothing.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;
  #sum = 0;

  /** The histogram of all values together: buckets are the same everywhere, so nothing is lost. */
  static merge(all: readonly HistogramParts[]): Histogram {
    const merged = new Histogram();
    for (const { counts, total, maxUs, sumUs } of all) {
      if (counts.length !== BUCKETS) throw new Error(`a histogram has ${counts.length} buckets`);
      for (let i = 0; i < BUCKETS; i++)
        merged.#counts[i] = (merged.#counts[i] as number) + (counts[i] as number);
      merged.#total += total;
      merged.#sum += sumUs;
      merged.#max = Math.max(merged.#max, maxUs);
    }
    return merged;
  }

  parts(): HistogramParts {
    return {
      counts: this.#counts.slice(),
      total: this.#total,
      maxUs: this.#max,
      sumUs: this.#sum,
    };
  }

  /** @param ms a duration; below 0 counts as 0 */
  record(ms: number): void {
    const us = ms <= 0 ? 0 : Math.min(US_MAX, Math.round(ms * 1000));
    let bucket = us;
    if (us >= EXACT) {
      const shift = 24 - Math.clz32(us);
      bucket = EXACT + (shift - 1) * HALF + ((us >>> shift) - HALF);
    }
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total++;
    this.#sum += us;
    if (us > this.#max) this.#max = us;
  }

  get total(): number {
    return this.#total;
  }

  get meanMs(): number {
    return this.#total === 0 ? 0 : this.#sum / this.#total / 1000;
  }

  get maxMs(): number {
    return this.#max / 1000;
  }

  /** The upper edge of the bucket that holds the q-th quantile, in ms; 0 when nothing was recorded. */
  quantileMs(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank) return Math.min(this.#max, upperEdge(bucket)) / 1000;
    }
    return 0;
  }
}

function upperEdge(bucket: number): number {
  if (bucket < EXACT) return bucket;
  const shift = Math.floor((bucket - EXACT) / HALF) + 1;
  const sub = ((bucket - EXACT) % HALF) + HALF;
  return (sub + 1) * 2 ** shift - 1;
}
