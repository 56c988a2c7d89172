/** A histogram of the server's `/metrics`: cumulative counts by upper bound in seconds. */
interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

export interface FlushRate {
  readonly flushes_per_s: number;
  readonly flush_p50_ms: number;
  readonly flush_p999_ms: number;
}

const FLUSH = /^(\w*flush\w*_seconds)_bucket\{(?:[^}]*,)?le="([^"]+)"[^}]*\} (\S+)$/;

/** One reading of the server's metrics. */
export class Scrape {
  readonly text: string;
  readonly at = performance.now();

  private constructor(text: string) {
    this.text = text;
  }

  static async of(url: string): Promise<Scrape> {
    const response = await fetch(`${url}/metrics`);
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
    return new Scrape(await response.text());
  }

  /** Sum of all series of a metric; 0 when there is none. */
  sum(name: string): number {
    let sum = 0;
    for (const line of this.text.split("\n")) {
      if (!line.startsWith(name) || !" {".includes(line[name.length] ?? "x")) continue;
      sum += Number(line.slice(line.lastIndexOf(" ") + 1));
    }
    return sum;
  }

  /** Flushes to disk since an earlier reading; undefined when the server has no such histogram. */
  flushesSince(before: Scrape): FlushRate | undefined {
    const start = before.#flushes();
    const end = this.#flushes();
    if (end.bounds.length === 0) return undefined;
    const counts = end.counts.map((count, i) => count - (start.counts[i] ?? 0));
    const total = counts.at(-1) ?? 0;
    const quantile = (q: number): number =>
      Math.round(interpolate(end.bounds, counts, q * total) * 1e6) / 1e3;
    return {
      flushes_per_s: Math.round((total * 1000) / (this.at - before.at)),
      flush_p50_ms: quantile(0.5),
      flush_p999_ms: quantile(0.999),
    };
  }

  #flushes(): Buckets {
    const byBound = new Map<number, number>();
    for (const line of this.text.split("\n")) {
      const match = FLUSH.exec(line);
      if (!match) continue;
      const bound = match[2] === "+Inf" ? Number.POSITIVE_INFINITY : Number(match[2]);
      byBound.set(bound, (byBound.get(bound) ?? 0) + Number(match[3]));
    }
    const bounds = [...byBound.keys()].toSorted((a, b) => a - b);
    return { bounds, counts: bounds.map((bound) => byBound.get(bound) ?? 0) };
  }
}

/** Within a bucket the values are taken to lie evenly, as Prometheus' histogram_quantile does. */
function interpolate(bounds: readonly number[], counts: readonly number[], rank: number): number {
  const at = counts.findIndex((count) => count >= rank);
  if (at < 0) return 0;
  const low = at === 0 ? 0 : (bounds[at - 1] ?? 0);
  const high = bounds[at] ?? low;
  if (!Number.isFinite(high)) return low;
  const below = at === 0 ? 0 : (counts[at - 1] ?? 0);
  const inside = (counts[at] ?? 0) - below;
  return inside === 0 ? high : low + ((high - low) * (rank - below)) / inside;
}
