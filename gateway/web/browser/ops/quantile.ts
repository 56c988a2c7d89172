import type { Distribution } from "../../../../src/wire/admin.ts";

/** What fell into each bound between two moments; undefined where the bounds are not the same. */
export function difference(later: Distribution, earlier: Distribution): Distribution | undefined {
  if (later.counts.length !== earlier.counts.length) return undefined;
  const counts = later.counts.map((count, i) => Math.max(0, count - (earlier.counts[i] ?? 0)));
  return { bounds: later.bounds, counts, sum: Math.max(0, later.sum - earlier.sum) };
}

/** All of them together; those with other bounds than the first are left out. */
export function together(parts: readonly Distribution[]): Distribution | undefined {
  const [first, ...rest] = parts;
  if (first === undefined) return undefined;
  const counts = [...first.counts];
  let { sum } = first;
  for (const part of rest) {
    if (part.counts.length !== counts.length) continue;
    for (const [i, count] of part.counts.entries()) counts[i] = (counts[i] ?? 0) + count;
    sum += part.sum;
  }
  return { bounds: first.bounds, counts, sum };
}

export function countOf({ counts }: Distribution): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * The value below which a part of all values lies, in the distribution's unit: evenly spread within
 * a bound, as Prometheus has it. Beyond the last bound it is that bound. Undefined of nothing.
 */
export function quantile(distribution: Distribution, part: number): number | undefined {
  const { bounds, counts } = distribution;
  const all = countOf(distribution);
  if (all === 0) return undefined;
  const rank = part * all;
  let below = 0;
  for (const [i, count] of counts.entries()) {
    const upper = bounds[i];
    if (upper === undefined) break;
    if (count > 0 && below + count >= rank) {
      const lower = i === 0 ? 0 : (bounds[i - 1] ?? 0);
      return lower + ((upper - lower) * (rank - below)) / count;
    }
    below += count;
  }
  return bounds.at(-1);
}
