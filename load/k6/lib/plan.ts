import { type Scenario, type ScenarioName, SCENARIOS, type Stage } from "./scenarios.ts";

/** What of a scenario may be changed for one run. */
export interface Changes {
  readonly short?: boolean | undefined;
  /** The highest rate; lower stages keep their share of it. */
  readonly rate?: number | undefined;
  /** Time of all stages together, without the warm-up. */
  readonly seconds?: number | undefined;
  readonly warmUp?: number | undefined;
  /** Virtual users; they share the rate, and each has as many conversations as before. */
  readonly vus?: number | undefined;
}

/** A scenario as it is run: what the script and its runner both go by. */
export interface Plan extends Omit<Scenario, "full" | "short"> {
  readonly name: ScenarioName;
  /** The warm-up is not among them. */
  readonly stages: readonly Stage[];
  /** Time before the stages whose messages count for losses and not for latency. */
  readonly warmUp: number;
  /** Of the stages. */
  readonly seconds: number;
  /** Messages of the stages. */
  readonly messages: number;
  readonly peakRate: number;
  /** One of so many deliveries is parsed and timed; all are counted. */
  readonly sampleEvery: number;
}

/** Deliveries that are parsed a second: what k6 does with a tenth of a core. */
const SAMPLES_PER_SECOND = 1_000;
const WARM_UP_SECONDS = 5;

export function planOf(name: ScenarioName, changes: Changes = {}): Plan {
  const { full, short, ...scenario }: Scenario = SCENARIOS[name];
  const chosen = changes.short === true ? short : full;
  const highest = Math.max(...chosen.map(({ from, to }) => Math.max(from, to)));
  const length = sum(chosen.map(({ seconds }) => seconds));
  const byRate = (changes.rate ?? highest) / highest;
  const byTime = (changes.seconds ?? length) / length;
  const stages = chosen.map(({ seconds, from, to }) => ({
    seconds: seconds * byTime,
    from: from * byRate,
    to: to * byRate,
  }));
  const peakRate = highest * byRate;
  return {
    ...scenario,
    name,
    vus: changes.vus ?? scenario.vus,
    stages,
    warmUp: changes.warmUp ?? WARM_UP_SECONDS,
    seconds: length * byTime,
    messages: sum(stages.map(({ seconds, from, to }) => (seconds * (from + to)) / 2)),
    peakRate,
    sampleEvery: Math.max(1, Math.round((peakRate * scenario.roomSize) / SAMPLES_PER_SECOND)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
