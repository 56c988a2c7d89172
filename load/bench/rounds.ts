import type { Figures } from "../result.ts";
import { isFault } from "./load.ts";

/** Of these the lowest and the highest round are shown as well. */
const SPREAD: ReadonlySet<string> = new Set([
  "acked_per_s",
  "delivered_per_s",
  "p50_ms",
  "p99_ms",
  "p999_ms",
  "ratio",
  "cost_percent",
  "cost_percent_at_one_speed",
]);

/**
 * One row out of several rounds: the median of each figure, the sum of each fault, and how far the
 * rounds lie apart.
 */
export function joinRounds(rounds: readonly Figures[]): Figures {
  const last = rounds.at(-1) ?? {};
  const joined: Record<string, Figures[string]> = {};
  const spread: Record<string, readonly [number, number]> = {};
  for (const [name, sample] of Object.entries(last)) {
    const values = rounds.map((figures) => figures[name]);
    const numbers = values.filter((value) => typeof value === "number");
    if (isFault(name)) joined[name] = numbers.reduce((sum, value) => sum + value, 0);
    else if (typeof sample === "number") {
      joined[name] = median(numbers);
      if (SPREAD.has(name) && numbers.length > 1)
        spread[name] = [Math.min(...numbers), Math.max(...numbers)];
    } else if (isTable(sample)) {
      joined[name] = Object.fromEntries(
        Object.keys(sample).map((key) => [
          key,
          median(values.filter((value) => isTable(value)).map((value) => value[key] ?? 0)),
        ]),
      );
    } else joined[name] = sample;
  }
  return { ...joined, rounds: rounds.length, ...(rounds.length > 1 ? { spread } : {}) };
}

/** Of an even count the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + upper) / 2 : upper;
}

function isTable(value: Figures[string]): value is Readonly<Record<string, number>> {
  return typeof value === "object";
}
