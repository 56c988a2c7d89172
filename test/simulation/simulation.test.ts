import { afterAll, describe, expect, test } from "bun:test";
import { OCCURRENCES } from "./coverage.ts";
import { failureText } from "./report.ts";
import { SEEDS } from "./seeds.ts";
import { simulate } from "./simulation.ts";
import { countOf, statsText } from "./stats.ts";

/*
 * SEED=n            that run alone, with a longer trace (SIM_TRACE lines)
 * SIM_SEEDS=n       how many runs, 2,000 when left out
 * SIM_STATS=1       how often everything occurred
 */
const { env } = process;
const BLOCK = 100;
const only = env["SEED"] === undefined ? undefined : Number(env["SEED"]);
const runs = Number(env["SIM_SEEDS"] ?? 2_000);
const traced = env["SIM_TRACE"] === undefined ? undefined : Number(env["SIM_TRACE"]);

async function hold(seed: number): Promise<void> {
  const failure = simulate(seed, traced);
  // A promise that nobody handles is told to this run and not to a later one.
  await new Promise<void>((resolve) => setImmediate(resolve));
  if (failure !== undefined) throw new Error(failureText(failure));
}

describe("seeded runs of gateways and pools with faults", () => {
  if (only !== undefined) {
    test(`seed ${only} keeps every guarantee`, () => hold(only));
    return;
  }

  for (const [seed, bug] of SEEDS)
    test(`seed ${seed} keeps every guarantee, where once ${bug}`, () => hold(seed));

  for (let first = 1; first <= runs; first += BLOCK) {
    const last = Math.min(first + BLOCK - 1, runs);
    test(`seeds ${first} to ${last} keep every guarantee`, async () => {
      for (let seed = first; seed <= last; seed++) await hold(seed);
    });
  }

  test.if(runs >= 2_000)("every fault and every outcome occurs", () => {
    expect(OCCURRENCES.filter((name) => countOf(name) === 0)).toEqual([]);
  });

  test("a seed repeats its run to the last word", () => {
    const words = (): string => {
      const failure = simulate(77, 1_000_000, "stop at the end");
      return failure?.trace ?? "";
    };
    const first = words();
    expect(first.split("\n").length).toBeGreaterThan(200);
    expect(words()).toBe(first);
  });
});

afterAll(() => {
  if (env["SIM_STATS"] !== undefined) process.stdout.write(`${statsText()}\n`);
});
