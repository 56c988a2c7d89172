/** One thing measured twice, close together in time. */
export interface Pair<T> {
  readonly with: T;
  readonly without: T;
}

/** How many times as much, and the standard error of that. */
export interface Ratio {
  readonly ratio: number;
  readonly error: number;
}

/**
 * Takes pairs, each beginning with what the one before ended with: a machine that grows slower all
 * the time does so to both alike. What is asked about comes first and, of an even count, last.
 */
export async function takePairs<T>(
  count: number,
  take: (isWith: boolean) => Promise<T>,
): Promise<Pair<T>[]> {
  const pairs: Pair<T>[] = [];
  for (let i = 0; i < count; i++) {
    const isWithFirst = i % 2 === 0;
    const first = await take(isWithFirst);
    const second = await take(!isWithFirst);
    pairs.push(isWithFirst ? { with: first, without: second } : { with: second, without: first });
  }
  return pairs;
}

/**
 * The geometric mean of the pairs' ratios, with to without. Minutes differ by more than what is looked
 * for, and the two of a pair do not: the error is how far pairs disagree. It takes at least two.
 */
export function ratioOf<T>(pairs: readonly Pair<T>[], of: (sample: T) => number): Ratio {
  const logs = pairs.map((pair) => Math.log(of(pair.with) / of(pair.without)));
  const middle = mean(logs);
  const squares = logs.reduce((sum, log) => sum + (log - middle) ** 2, 0);
  const ratio = Math.exp(middle);
  return { ratio, error: ratio * Math.sqrt(squares / (logs.length - 1) / logs.length) };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
