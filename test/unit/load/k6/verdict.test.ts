import { expect, test } from "bun:test";
import { planOf } from "../../../../load/k6/lib/plan.ts";
import { thresholdsOf } from "../../../../load/k6/lib/thresholds.ts";
import type { Measured } from "../../../../load/k6/runner/timeline.ts";
import { judge, parseSummary } from "../../../../load/k6/runner/verdict.ts";

const PLAN = planOf("peak", { short: true });
const MEASURED: Measured = {
  seconds: 30,
  sentRate: 10_000,
  ackedRate: 10_000,
  deliveredRate: 20_000,
  cpu: { k6: 30, server: 50, others: 3 },
};
const LATENCY = { "p(50)": 5, "p(95)": 9, "p(99)": 20, "p(99.9)": 60, max: 80, count: 1_000 };

/** A summary as k6 writes it, in which the named thresholds were crossed. */
function summary(changes: Record<string, object> = {}, crossed: readonly string[] = []) {
  const metrics: Record<string, object> = {};
  for (const [name, rules] of Object.entries(thresholdsOf(PLAN.kind))) {
    const thresholds = Object.fromEntries(rules.map((rule) => [rule, crossed.includes(rule)]));
    const values = name === "tidegate_latency" ? LATENCY : { count: 0, value: 0 };
    metrics[name] = { ...values, thresholds, ...changes[name] };
  }
  return parseSummary(JSON.stringify({ metrics }));
}

test("a clean run passes, thresholds and tighter goals", () => {
  const verdict = judge(PLAN, summary(), MEASURED, 0);
  expect(verdict).toMatchObject({ passed: true, generatorBound: undefined, disturbed: undefined });
  expect(verdict.goals).toEqual([
    { name: "latency", rule: "p99 < 25 ms", value: 20, passed: true },
  ]);
  expect(verdict.checks.map(({ rule }) => rule)).toContainValues([
    "p(50)<50",
    "p(95)<100",
    "p(99)<200",
    "p(99.9)<500",
    "rate<0.001",
  ]);
});

test("a crossed threshold fails the run and is named", () => {
  const verdict = judge(PLAN, summary({}, ["p(99)<200"]), MEASURED, 99);
  expect(verdict.passed).toBe(false);
  expect(verdict.checks.filter(({ passed }) => !passed)).toMatchObject([
    { name: "latency", rule: "p(99)<200", value: 20 },
  ]);
});

test("one lost message fails the run", () => {
  const lost = { tidegate_lost: { count: 1, thresholds: { "count==0": true } } };
  const verdict = judge(PLAN, summary(lost), MEASURED, 99);
  expect(verdict).toMatchObject({ passed: false, counts: { lost: 1 } });
});

test("a missed goal does not fail the run", () => {
  const slow = { tidegate_latency: { "p(99)": 40 } };
  const verdict = judge(PLAN, summary(slow), MEASURED, 0);
  expect(verdict).toMatchObject({ passed: true, goals: [{ passed: false, value: 40 }] });
});

test("latency of nothing is no success, whatever k6 says", () => {
  const nothing = { tidegate_latency: { count: 0, "p(50)": 0 } };
  const verdict = judge(PLAN, summary(nothing), MEASURED, 0);
  expect(verdict.passed).toBe(false);
  expect(verdict.latency).toBeUndefined();
});

test("a threshold that k6 does not report on fails the run", () => {
  const { metrics } = summary();
  delete metrics["tidegate_duplicate"];
  expect(judge(PLAN, { metrics }, MEASURED, 0).passed).toBe(false);
});

test("a server that takes less than was offered fails the run", () => {
  const verdict = judge(PLAN, summary(), { ...MEASURED, ackedRate: 9_000 }, 0);
  expect(verdict.checks.filter(({ passed }) => !passed)).toMatchObject([{ name: "rate" }]);
});

test("k6 that breaks off fails the run", () => {
  expect(judge(PLAN, undefined, MEASURED, 108).passed).toBe(false);
  expect(judge(PLAN, summary(), MEASURED, 107).passed).toBe(false);
});

test("a run in which k6 takes more than half a core says so", () => {
  const busy = { ...MEASURED, cpu: { k6: 51, others: 3 } };
  expect(judge(PLAN, summary(), busy, 0).generatorBound).toBe("k6 used 51 % of a core");
});

test("a run in which k6 does not keep to the clock says so", () => {
  const { metrics } = summary();
  const late = { metrics: { ...metrics, tidegate_late: { "p(99)": 34.6, count: 9 } } };
  expect(judge(PLAN, late, MEASURED, 0).generatorBound).toBe(
    "k6 sent late itself, by 35 ms at p99",
  );
});

test("a run beside other busy processes says so", () => {
  const busy = { ...MEASURED, cpu: { k6: 10, others: 80 } };
  expect(judge(PLAN, summary(), busy, 0).disturbed).toBe("other processes used 80 % of a core");
});
