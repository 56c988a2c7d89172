import { z } from "zod";
import type { Plan } from "../lib/plan.ts";
import { thresholdsOf } from "../lib/thresholds.ts";
import type { Measured } from "./timeline.ts";

/** The parts of k6's `--summary-export` that are used. A threshold's value says whether it was crossed. */
const summarySchema = z.object({
  metrics: z.record(
    z.string(),
    z.looseObject({ thresholds: z.record(z.string(), z.boolean()).optional() }),
  ),
});
export type K6Summary = z.infer<typeof summarySchema>;

export interface Check {
  readonly name: string;
  readonly rule: string;
  /** What there was, in the rule's unit; undefined: nothing was measured. */
  readonly value: number | undefined;
  readonly passed: boolean;
}

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Verdict {
  readonly passed: boolean;
  /** Those fail the run. */
  readonly checks: readonly Check[];
  /** Tighter aims, which do not. */
  readonly goals: readonly Check[];
  /** Why the figures are k6's as much as the server's; undefined when they are not. */
  readonly generatorBound: string | undefined;
  /** What else the machine was busy with; undefined when it was not. */
  readonly disturbed: string | undefined;
  readonly latency: Quantiles | undefined;
  readonly receipt: Quantiles | undefined;
  readonly counts: Readonly<Record<string, number>>;
}

/** Percent of one core beyond which k6 takes part in what it measures. */
const GENERATOR_PERCENT_MAX = 50;
/** Lateness of k6's own sends in ms, p99, beyond which it does not send by the clock any more. */
const LATE_MS_MAX = 20;
/** Percent of one core that processes beside the system and k6 may use. */
const OTHERS_PERCENT_MAX = 15;
/** Of what the plan sends: below it, the load was not the one that the scenario is named for. */
const RATE_SHARE_MIN = 0.97;
const COUNTS = [
  "sent",
  "acked",
  "delivered",
  "refused",
  "lost",
  "duplicate",
  "reordered",
  "altered",
  "closed",
] as const;

/** @throws when the text is no summary of k6 */
export function parseSummary(text: string): K6Summary {
  return summarySchema.parse(JSON.parse(text));
}

/** @param exitCode of k6: 0, 99 for crossed thresholds, or another one for a run that broke off */
export function judge(
  plan: Plan,
  summary: K6Summary | undefined,
  measured: Measured,
  exitCode: number,
): Verdict {
  const metrics = summary?.metrics ?? {};
  const latency = quantilesOf(metrics["tidegate_latency"]);
  const checks = [...thresholdChecks(plan, metrics), rateCheck(plan, measured)];
  if (exitCode !== 0 && exitCode !== 99)
    checks.push({ name: "k6", rule: "ends with 0", value: exitCode, passed: false });
  if (summary === undefined)
    checks.push({ name: "k6", rule: "writes a summary", value: undefined, passed: false });
  const goals = plan.goals.map(({ stat, below }) => {
    const value = latency?.[stat];
    const passed = value !== undefined && value < below;
    return { name: "latency", rule: `${stat} < ${below} ms`, value, passed };
  });
  const others = Math.round(measured.cpu["others"] ?? 0);
  return {
    passed: checks.every(({ passed }) => passed),
    checks,
    goals,
    generatorBound: generatorFault(metrics, measured),
    disturbed:
      others > OTHERS_PERCENT_MAX ? `other processes used ${others} % of a core` : undefined,
    latency,
    receipt: quantilesOf(metrics["tidegate_receipt"]),
    counts: Object.fromEntries(
      COUNTS.map((name) => [name, numberIn(metrics[`tidegate_${name}`], "count") ?? 0]),
    ),
  };
}

function thresholdChecks(plan: Plan, metrics: K6Summary["metrics"]): Check[] {
  return Object.entries(thresholdsOf(plan.kind)).flatMap(([name, rules]) => {
    const metric = metrics[name];
    return rules.map((rule) => {
      const stat = rule.split(/[<>=!]/, 1)[0] ?? "";
      // k6 finds no fault with the times of nothing.
      const isEmpty = stat.startsWith("p(") && (numberIn(metric, "count") ?? 0) === 0;
      const value = isEmpty ? undefined : (numberIn(metric, stat) ?? numberIn(metric, "value"));
      const isCrossed = metric?.thresholds?.[rule] ?? true;
      const passed = !isCrossed && value !== undefined;
      return { name: name.replace("tidegate_", ""), rule, value, passed };
    });
  });
}

function generatorFault(metrics: K6Summary["metrics"], measured: Measured): string | undefined {
  const faults: string[] = [];
  const k6 = Math.round(measured.cpu["k6"] ?? 0);
  if (k6 > GENERATOR_PERCENT_MAX) faults.push(`k6 used ${k6} % of a core`);
  const late = numberIn(metrics["tidegate_late"], "p(99)") ?? 0;
  if (late > LATE_MS_MAX) faults.push(`k6 sent late itself, by ${Math.round(late)} ms at p99`);
  return faults.length === 0 ? undefined : faults.join(", ");
}

/** A server that takes less than was offered fails even if what it took was fast. */
function rateCheck(plan: Plan, measured: Measured): Check {
  const wanted = plan.messages / plan.seconds;
  const rule = `acked at ${Math.round(wanted * RATE_SHARE_MIN).toLocaleString("en-US")}/s or more`;
  const value = Math.round(measured.ackedRate);
  return { name: "rate", rule, value, passed: measured.ackedRate >= wanted * RATE_SHARE_MIN };
}

function quantilesOf(metric: K6Summary["metrics"][string] | undefined): Quantiles | undefined {
  if (metric === undefined || (numberIn(metric, "count") ?? 0) === 0) return undefined;
  const of = (stat: string): number => numberIn(metric, stat) ?? Number.NaN;
  const [p50, p95, p99, p999] = [of("p(50)"), of("p(95)"), of("p(99)"), of("p(99.9)")];
  return { p50, p95, p99, p999, max: of("max") };
}

function numberIn(
  metric: K6Summary["metrics"][string] | undefined,
  name: string,
): number | undefined {
  const value = metric?.[name];
  return typeof value === "number" ? value : undefined;
}
