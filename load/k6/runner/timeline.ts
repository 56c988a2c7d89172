import type { SecondLine } from "../lib/second.ts";

/** What the whole run did in one second. Rates are of that second, shares in percent of one core. */
export interface Point {
  /** Seconds since the first of the run. */
  readonly at: number;
  readonly sentRate: number;
  readonly ackedRate: number;
  readonly deliveredRate: number;
  readonly errors: number;
  readonly sockets: number;
  /** Sampled latency in ms; undefined when nothing came or it was the warm-up. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  /** Percent of one core by what used it, k6 among them. */
  readonly cpu: Readonly<Record<string, number>>;
}

/** CPU seconds that each kind of process had used by then. */
export interface CpuReading {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly seconds: Readonly<Record<string, number>>;
}

/** The part of the run that counts: after the warm-up, until the last message was sent. */
export interface Measured {
  readonly seconds: number;
  readonly sentRate: number;
  readonly ackedRate: number;
  readonly deliveredRate: number;
  readonly cpu: Readonly<Record<string, number>>;
}

const SECOND_MS = 1_000;
/** What {@link Timeline.latest} looks at: the whole run would take longer each second. */
const RECENT_SECONDS = 6;

/** Joins what all virtual users told and what the processes used. */
export class Timeline {
  readonly #lines: SecondLine[] = [];
  readonly #readings: CpuReading[] = [];
  /** When the first of all lines began. */
  #origin = Number.POSITIVE_INFINITY;

  add(line: SecondLine): void {
    this.#origin = Math.min(this.#origin, line.at - line.ms);
    this.#lines.push(line);
  }

  addCpu(reading: CpuReading): void {
    this.#readings.push(reading);
  }

  /** The last second that all of the virtual users have told of whole, for a line of progress. */
  latest(vus: number): Point | undefined {
    const lines = this.#lines.slice(-vus * RECENT_SECONDS);
    const points = pointsOf(lines, this.#readings.slice(-RECENT_SECONDS * 2), this.#origin);
    // Of the last two, some virtual users have told nothing yet, or only a part.
    return points.at(-3);
  }

  points(): Point[] {
    return pointsOf(this.#lines, this.#readings, this.#origin);
  }

  measured(): Measured {
    const lines = this.#lines.filter(({ measured, sent }) => measured && sent > 0);
    const vus = new Set(lines.map(({ vu }) => vu)).size;
    const total = (pick: (line: SecondLine) => number): number =>
      lines.reduce((sum, line) => sum + pick(line), 0);
    const seconds = vus === 0 ? 0 : total(({ ms }) => ms) / SECOND_MS / vus;
    const rate = (count: number): number => (seconds === 0 ? 0 : count / seconds);
    const from = lines.reduce((least, { at, ms }) => Math.min(least, at - ms), Infinity);
    const to = lines.reduce((most, { at }) => Math.max(most, at), -Infinity);
    return {
      seconds,
      sentRate: rate(total(({ sent }) => sent)),
      ackedRate: rate(total(({ acked }) => acked)),
      deliveredRate: rate(total(({ delivered }) => delivered)),
      cpu: cpuBetween(this.#readings, from, to),
    };
  }
}

interface Bucket {
  sent: number;
  acked: number;
  delivered: number;
  errors: number;
  readonly latency: Map<number, number>;
  readonly sockets: Map<number, number>;
}

/** Virtual users tell at moments of their own: each line is shared out among the seconds it covers. */
function pointsOf(
  lines: readonly SecondLine[],
  readings: readonly CpuReading[],
  origin: number,
): Point[] {
  const buckets = new Map<number, Bucket>();
  for (const line of lines) {
    const from = line.at - line.ms - origin;
    const to = line.at - origin;
    const middle = Math.floor((from + to) / 2 / SECOND_MS);
    for (let at = Math.floor(from / SECOND_MS); at * SECOND_MS < to; at++) {
      const bucket = bucketAt(buckets, at);
      const span = Math.min(to, (at + 1) * SECOND_MS) - Math.max(from, at * SECOND_MS);
      const share = span / line.ms;
      bucket.sent += line.sent * share;
      bucket.acked += line.acked * share;
      bucket.delivered += line.delivered * share;
      if (at !== middle) continue;
      bucket.errors += line.errors;
      bucket.sockets.set(line.vu, line.sockets);
      for (const [ms, count] of Object.entries(line.latency))
        bucket.latency.set(Number(ms), (bucket.latency.get(Number(ms)) ?? 0) + count);
    }
  }
  const sockets = new Map<number, number>();
  return [...buckets]
    .toSorted(([a], [b]) => a - b)
    .map(([at, bucket]) => {
      for (const [vu, count] of bucket.sockets) sockets.set(vu, count);
      const start = origin + at * SECOND_MS;
      return {
        at,
        sentRate: bucket.sent,
        ackedRate: bucket.acked,
        deliveredRate: bucket.delivered,
        errors: bucket.errors,
        sockets: [...sockets.values()].reduce((sum, count) => sum + count, 0),
        p50: quantile(bucket.latency, 0.5),
        p99: quantile(bucket.latency, 0.99),
        cpu: cpuBetween(readings, start, start + SECOND_MS),
      };
    });
}

function bucketAt(buckets: Map<number, Bucket>, at: number): Bucket {
  const known = buckets.get(at);
  if (known !== undefined) return known;
  const counts = { sent: 0, acked: 0, delivered: 0, errors: 0 };
  const made: Bucket = { ...counts, latency: new Map(), sockets: new Map() };
  buckets.set(at, made);
  return made;
}

/** Percent of one core between the readings that are nearest to two moments. */
function cpuBetween(
  readings: readonly CpuReading[],
  from: number,
  to: number,
): Record<string, number> {
  const before = nearest(readings, from);
  const after = nearest(readings, to);
  if (before === undefined || after === undefined || after.at <= before.at) return {};
  const elapsed = (after.at - before.at) / SECOND_MS;
  return Object.fromEntries(
    Object.entries(after.seconds).map(([kind, used]) => {
      const share = ((used - (before.seconds[kind] ?? 0)) / elapsed) * 100;
      return [kind, Math.max(0, Math.round(share * 10) / 10)];
    }),
  );
}

/** The value that has this share of the others below or at it; undefined when there is none. */
export function quantile(counts: ReadonlyMap<number, number>, share: number): number | undefined {
  const sorted = [...counts].toSorted(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [value, count] of sorted) {
    seen += count;
    if (seen >= share * total) return value;
  }
  return undefined;
}

function nearest(readings: readonly CpuReading[], at: number): CpuReading | undefined {
  return readings.reduce<CpuReading | undefined>(
    (best, one) =>
      best === undefined || Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best,
    undefined,
  );
}
