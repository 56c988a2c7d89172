import type { Distribution, Overview, ProcessSnapshot } from "../../../../src/wire/admin.ts";
import { difference, together } from "./quantile.ts";

/** One moment of an installation: all processes together. */
export interface Moment {
  /** Ms since 1970, of the gateway that answered. */
  readonly at: number;
  /** A second, of every total; undefined where no process has it. */
  rate(name: string): number | undefined;
  /** What the processes have now: their sum, or the largest where all tell of the same thing. */
  level(name: string): number | undefined;
  /** Of the last seconds; undefined when there was nothing. */
  recent(name: string): Distribution | undefined;
  /** Names of the distributions that there are. */
  readonly distributions: readonly string[];
  /** Of one process, a second. */
  rateOf(process: string, name: string): number | undefined;
  recentOf(process: string, name: string): Distribution | undefined;
  /** Sends and deliveries of a tenant, a second. */
  tenantRate(tenant: string, what: "sends" | "delivered" | "rate_limited"): number;
}

type Rates = Readonly<Record<string, number>>;

/** What one process did between two of its snapshots. */
interface Piece {
  readonly at: number;
  readonly distributions: Readonly<Record<string, Distribution>>;
}

interface Track {
  last: ProcessSnapshot;
  rates: Rates;
  tenants: ReadonlyMap<string, Rates>;
  pieces: Piece[];
}

/** Every process that tells of these tells of the whole installation, or of its own worst case. */
const ALIKE: ReadonlySet<string> = new Set([
  "tidegate_outbox_depth",
  "tidegate_outbox_messages",
  "tidegate_outbox_parked",
  "tidegate_outbox_oldest_age_seconds",
  "tidegate_dead_letters",
  "tidegate_pool_lag_seconds",
  "tidegate_kafka_partitions",
  "tidegate_kafka_partitions_under_replicated",
  "tidegate_kafka_partitions_offline",
  "tidegate_disk_used_ratio",
]);

/** Span of the distributions: short enough to be live, long enough for a 99th percentile. */
const RECENT_MS = 10_000;

/** Makes rates and distributions of the totals that processes tell, by what changed between two looks. */
export class Meter {
  readonly #tracks = new Map<string, Track>();

  /** Takes the next look in. */
  take({ now, processes }: Overview): Moment {
    const here = processes.filter(({ missing }) => !missing);
    const names = new Set(here.map(({ name }) => name));
    for (const name of this.#tracks.keys()) if (!names.has(name)) this.#tracks.delete(name);
    for (const { name, snapshot } of here) this.#follow(name, snapshot, now);
    return momentOf(now, this.#tracks);
  }

  #follow(name: string, snapshot: ProcessSnapshot, now: number): void {
    const track = this.#tracks.get(name);
    if (track === undefined || track.last.started !== snapshot.started) {
      this.#tracks.set(name, { last: snapshot, rates: {}, tenants: new Map(), pieces: [] });
      return;
    }
    const { last, pieces } = track;
    while (pieces[0] !== undefined && now - pieces[0].at > RECENT_MS) pieces.shift();
    const seconds = (snapshot.at - last.at) / 1_000;
    // The same snapshot again: its process has not said anything new yet.
    if (seconds <= 0) return;
    track.last = snapshot;
    track.rates = ratesOf(snapshot.numbers, last.numbers, seconds);
    track.tenants = tenantRates(snapshot, last, seconds);
    const distributions: Record<string, Distribution> = {};
    for (const [key, later] of Object.entries(snapshot.distributions)) {
      const earlier = last.distributions[key];
      const part = earlier === undefined ? later : difference(later, earlier);
      if (part !== undefined) distributions[key] = part;
    }
    pieces.push({ at: now, distributions });
  }
}

function ratesOf(later: Rates, earlier: Rates, seconds: number): Rates {
  const rates: Record<string, number> = {};
  for (const [name, value] of Object.entries(later))
    if (name.endsWith("_total")) rates[name] = Math.max(0, value - (earlier[name] ?? 0)) / seconds;
  return rates;
}

function tenantRates(later: ProcessSnapshot, earlier: ProcessSnapshot, seconds: number) {
  const before = new Map(earlier.tenants.map((tenant) => [tenant.name, tenant]));
  return new Map(
    later.tenants.map((tenant): [string, Rates] => {
      const { name, sends, delivered, rate_limited } = tenant;
      const known = before.get(name);
      const rate = (value: number, old: number | undefined): number =>
        old === undefined ? 0 : Math.max(0, value - old) / seconds;
      return [
        name,
        {
          sends: rate(sends, known?.sends),
          delivered: rate(delivered, known?.delivered),
          rate_limited: rate(rate_limited, known?.rate_limited),
        },
      ];
    }),
  );
}

function momentOf(at: number, tracks: ReadonlyMap<string, Track>): Moment {
  // What one moment shows must not change with the next one.
  const all = new Map([...tracks].map(([name, track]) => [name, { ...track }]));
  const pieces = new Map([...all].map(([name, track]) => [name, [...track.pieces]]));
  const recent = (which: Iterable<readonly Piece[]>, key: string): Distribution | undefined =>
    together([...which].flat().flatMap(({ distributions }) => distributions[key] ?? []));
  const keys = new Set([...all.values()].flatMap(({ last }) => Object.keys(last.distributions)));
  return {
    at,
    rate: (name) => sum([...all.values()].map(({ rates }) => rates[name])),
    level(name) {
      const values = [...all.values()].map(({ last }) => last.numbers[name]);
      return ALIKE.has(name) ? largest(values) : sum(values);
    },
    recent: (name) => recent(pieces.values(), name),
    distributions: [...keys],
    rateOf: (process, name) => all.get(process)?.rates[name],
    recentOf: (process, name) => recent([pieces.get(process) ?? []], name),
    tenantRate: (tenant, what) =>
      sum([...all.values()].map(({ tenants }) => tenants.get(tenant)?.[what])) ?? 0,
  };
}

function largest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** Undefined when there is none of them. */
export function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}
