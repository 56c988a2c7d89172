import type { RunResult } from "./result.ts";
import type { Point } from "./timeline.ts";
import type { Check, Quantiles } from "./verdict.ts";

/** The summary of a run for a terminal. */
export function resultText(result: RunResult): string {
  const { plan, measured, verdict } = result;
  const { counts, disturbed, generatorBound } = verdict;
  const faults = ["lost", "duplicate", "reordered", "altered", "refused"];
  return [
    "",
    `${plan.title} (${plan.name}, ${result.target})`,
    "",
    row("load", loadText(result)),
    row("sent", `${whole(counts["sent"])} messages, ${whole(measured.sentRate)}/s measured`),
    row("acked", `${whole(measured.ackedRate)}/s`),
    row("delivered", `${whole(measured.deliveredRate)}/s`),
    row("latency", quantilesText(verdict.latency)),
    row("receipt", quantilesText(verdict.receipt)),
    row("faults", faults.map((name) => `${whole(counts[name])} ${name}`).join(", ")),
    row("CPU", cpuText(measured.cpu)),
    "",
    ...verdict.checks.map((check) => checkText(check, "ok    ", "FAILED")),
    ...verdict.goals.map((goal) => checkText(goal, "met   ", "missed")),
    "",
    ...(generatorBound === undefined ? [] : [`generator-bound: ${generatorBound}`]),
    ...(disturbed === undefined ? [] : [`disturbed: ${disturbed}`]),
    verdict.passed ? "passed" : "failed",
  ].join("\n");
}

/** One line of progress. */
export function pointText(point: Point): string {
  const p99 = point.p99 === undefined ? "–" : `${point.p99} ms`;
  return [
    `${String(point.at).padStart(4)} s`,
    `acked ${whole(point.ackedRate)}/s`,
    `delivered ${whole(point.deliveredRate)}/s`,
    `p99 ${p99}`,
    `errors ${point.errors}`,
    `sockets ${whole(point.sockets)}`,
    `k6 ${Math.round(point.cpu["k6"] ?? 0)} %`,
  ].join("   ");
}

/** What this run was of its scenario: other rates and lengths have the same title. */
export function loadText({ plan, short }: RunResult): string {
  const form = short ? "short form, " : "";
  const warmUp = `${whole(plan.warmUp)} s of warm-up`;
  return `${form}${whole(plan.peakRate)} messages a second at most, ${whole(plan.seconds)} s after ${warmUp}`;
}

/** A check in words: `latency p99 < 200 ms` for k6's `tidegate_latency: p(99)<200`. */
export function ruleText({ name, rule }: Check): string {
  const quantile = /^p\((?<share>[\d.]+)\)<(?<ms>\d+)$/.exec(rule)?.groups;
  if (quantile !== undefined)
    return `${name} p${quantile["share"]} < ${whole(Number(quantile["ms"]))} ms`;
  const rate = /^rate<(?<share>[\d.]+)$/.exec(rule)?.groups;
  if (rate !== undefined) return `${name} < ${percent(Number(rate["share"]))}`;
  return rule === "count==0" ? `${name} none` : `${name} ${rule}`;
}

export function checkValue({ rule, value }: Check): string {
  if (value === undefined) return "nothing measured";
  if (rule.startsWith("rate<")) return percent(value);
  const text = value.toLocaleString("en-US", { maximumFractionDigits: value < 1 ? 5 : 1 });
  return /^p[\d(]/.test(rule) ? `${text} ms` : text;
}

function percent(share: number): string {
  return `${(share * 100).toLocaleString("en-US", { maximumFractionDigits: 4 })} %`;
}

export function cpuText(cpu: Readonly<Record<string, number>>): string {
  const parts = Object.entries(cpu).map(([kind, share]) => `${kind} ${Math.round(share)} %`);
  return parts.length === 0 ? "not measured" : `${parts.join(", ")} of a core`;
}

export function whole(value: number | undefined): string {
  return Math.round(value ?? 0).toLocaleString("en-US");
}

function quantilesText(quantiles: Quantiles | undefined): string {
  if (quantiles === undefined) return "nothing measured";
  const { p50, p95, p99, p999, max } = quantiles;
  const ms = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
  return `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, p99.9 ${ms(p999)}, max ${ms(max)} ms`;
}

function checkText(check: Check, good: string, bad: string): string {
  return `${check.passed ? good : bad} ${ruleText(check).padEnd(38)} ${checkValue(check)}`;
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)} ${text}`;
}
