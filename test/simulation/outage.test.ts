import { afterAll, describe, expect, test } from "bun:test";
import { OUTAGE_OCCURRENCES } from "./coverage.ts";
import { failureText } from "./report.ts";
import { simulate } from "./simulation.ts";
import { countOf, statsText } from "./stats.ts";

/*
 * OUTAGE_SEED=n     that run alone, with a longer trace (SIM_TRACE lines)
 * SIM_SEEDS=n       how many runs, 300 when left out
 * SIM_STATS=1       how often everything occurred
 */
const { env } = process;
const BLOCK = 25;
const only = env["OUTAGE_SEED"] === undefined ? undefined : Number(env["OUTAGE_SEED"]);
const runs = Math.min(300, Number(env["SIM_SEEDS"] ?? 300));
const traced = env["SIM_TRACE"] === undefined ? undefined : Number(env["SIM_TRACE"]);

async function hold(seed: number): Promise<void> {
  const failure = simulate(seed, traced, undefined, true);
  // A promise that nobody handles is told to this run and not to a later one.
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (failure !== undefined) throw new Error(failureText(failure));
}

describe("seeded runs of a cluster with an outbox and outages of the log", () => {
  if (only !== undefined) {
    test(`seed ${only} keeps every guarantee`, () => hold(only));
    return;
  }

  for (let first = 1; first <= runs; first += BLOCK) {
    const last = Math.min(first + BLOCK - 1, runs);
    test(`seeds ${first} to ${last} keep every guarantee`, async () => {
      for (let seed = first; seed <= last; seed++) await hold(seed);
    });
  }

  test.if(runs >= 300)("every outage and every outcome occurs", () => {
    expect(OUTAGE_OCCURRENCES.filter((name) => countOf(name) === 0)).toEqual([]);
  });
});

afterAll(() => {
  if (env["SIM_STATS"] !== undefined) process.stdout.write(`${statsText()}\n`);
});
