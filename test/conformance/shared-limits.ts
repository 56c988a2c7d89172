import { describe, expect, test } from "bun:test";
import type { Rate } from "../../src/policy/token-bucket.ts";
import {
  RATE_SLACK_MS,
  type SharedBudget,
  type SharedLimits,
} from "../../src/ports/shared-limits.ts";

/** What a budget may give to `processes` processes in this time, at most. */
function most(rate: Rate, seconds: number, processes: number): number {
  const slack = Math.max(1, (rate.perSecond * RATE_SLACK_MS) / 1_000);
  return rate.burst + rate.perSecond * seconds + slack * processes;
}

/** Takes as often as it is told to come back, until `seconds` are over. */
async function spend(budget: SharedBudget, rate: Rate, until: number): Promise<number> {
  let taken = 0;
  for (let now = performance.now(); now < until; now = performance.now()) {
    const wait = budget.take(now, rate);
    if (wait === 0) taken++;
    else {
      expect(wait).toBeGreaterThanOrEqual(1);
      await Bun.sleep(Math.min(wait, until - now));
    }
  }
  return taken;
}

/**
 * Every sentence of the port `shared-limits` that holds while the shared state can be reached.
 * @param open gives an end for one more process; `undefined`: the adapter serves one process alone
 */
export function sharedLimitsConformance(
  name: string,
  create: () => Promise<{
    readonly open: () => Promise<SharedLimits>;
    readonly processes: number;
    readonly close: () => Promise<void>;
  }>,
): void {
  describe(`shared limits: ${name}`, () => {
    test("lets a burst through at once, and tells when to come back", async () => {
      const world = await create();
      const budget = (await world.open()).budget("acme", "sends");
      const rate = { perSecond: 50, burst: 20 };
      let taken = 0;
      let wait = 0;
      // A lease may be on its way: what is refused meanwhile may be taken a moment later.
      for (let tries = 0; tries < 100 && taken < 20; tries++) {
        wait = budget.take(performance.now(), rate);
        if (wait === 0) taken++;
        else await Bun.sleep(wait);
      }
      expect(taken).toBe(20);
      while ((wait = budget.take(performance.now(), rate)) === 0) taken++;
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(1_000);
      await world.close();
    });

    test("all processes together take what the rate allows, and use it", async () => {
      const world = await create();
      const rate = { perSecond: 200, burst: 40 };
      const ends = await Promise.all(Array.from({ length: world.processes }, () => world.open()));
      const seconds = 2;
      const until = performance.now() + seconds * 1_000;
      const began = performance.now();
      const all = await Promise.all(
        ends.map((end) => spend(end.budget("acme", "sends"), rate, until)),
      );
      const taken = all.reduce((sum, one) => sum + one, 0);
      const lasted = (performance.now() - began) / 1_000;
      expect(taken).toBeLessThanOrEqual(most(rate, lasted, world.processes));
      expect(taken).toBeGreaterThanOrEqual(0.7 * rate.perSecond * seconds);
      await world.close();
    });

    test("budgets of other tenants and names do not touch each other, whatever the names are", async () => {
      const world = await create();
      const end = await world.open();
      const rate = { perSecond: 1, burst: 1 };
      const scopes = [
        ["acme", "sends"],
        ["acme:sends", ""],
        ["acme", "sends:members"],
        ["acm", "e:sends"],
        ["{acme}", "sends"],
        ["acme%3Asends", ""],
      ] as const;
      for (const [tenant, budget] of scopes) {
        const one = end.budget(tenant, budget);
        expect(one.take(performance.now(), rate)).toBe(0);
      }
      await world.close();
    });

    test("a token comes back with time", async () => {
      const world = await create();
      const budget = (await world.open()).budget("acme", "sends");
      const rate = { perSecond: 20, burst: 1 };
      let taken = 0;
      const end = performance.now() + 5_000;
      while (taken < 5 && performance.now() < end) {
        const wait = budget.take(performance.now(), rate);
        if (wait === 0) taken++;
        else await Bun.sleep(wait);
      }
      expect(taken).toBe(5);
      await world.close();
    });
  });
}
