import { expect, test } from "bun:test";
import { planOf } from "../../../../load/k6/lib/plan.ts";
import { thresholdsOf } from "../../../../load/k6/lib/thresholds.ts";
import { resultPage } from "../../../../load/k6/runner/page.ts";
import { niceCeiling, plotSvg } from "../../../../load/k6/runner/plot.ts";
import type { RunResult } from "../../../../load/k6/runner/result.ts";
import { checkValue, pointText, resultText, ruleText } from "../../../../load/k6/runner/text.ts";

const POINTS = [0, 1, 2, 3].map((at) => ({
  at,
  sentRate: 1_000,
  ackedRate: 1_000,
  deliveredRate: 2_000,
  errors: 0,
  sockets: 104,
  p50: at < 2 ? undefined : 4,
  p99: at < 2 ? undefined : 9,
  cpu: { k6: 20, server: 40 },
}));
const LATENCY = { p50: 4, p95: 7, p99: 9.5, p999: 30, max: 44 };
const RESULT: RunResult = {
  plan: planOf("normal", { short: true }),
  short: true,
  target: "http://a<b>&.example",
  startedAt: "2026-11-21T12:00:00.000Z",
  commit: "0123456789ab",
  k6: "v1.8.1",
  machine: { cpu: "Any", cores: 2, memory_gib: 24, kernel: "6.1", bun: "1.4.5" },
  measured: {
    seconds: 30,
    sentRate: 1_000,
    ackedRate: 1_000,
    deliveredRate: 2_000,
    cpu: { k6: 60, server: 40 },
  },
  verdict: {
    passed: false,
    checks: [{ name: "lost", rule: "count==0", value: 3, passed: false }],
    goals: [{ name: "latency", rule: "p99 < 25 ms", value: 9.5, passed: true }],
    generatorBound: "k6 used 60 % of a core",
    disturbed: undefined,
    latency: LATENCY,
    receipt: undefined,
    counts: { sent: 30_000, lost: 3, duplicate: 0, reordered: 0, altered: 0, refused: 0 },
  },
  points: POINTS,
};

test("the page needs nothing but itself", () => {
  const page = resultPage(RESULT);
  expect(page).not.toMatch(/<script|<link|@import|url\(|src=/);
  expect(page).toStartWith("<!doctype html>");
  expect(page.match(/<svg/g)).toHaveLength(3);
});

test("the page says what failed, and that k6 took part in what it measured", () => {
  const page = resultPage(RESULT);
  expect(page).toContain(">failed<");
  expect(page).toContain("generator-bound");
  expect(page).not.toContain("disturbed");
  expect(page).toContain("lost none");
});

test("the page shows an address as text, whatever is in it", () => {
  const page = resultPage(RESULT);
  expect(page).toContain("http://a&lt;b>&amp;.example");
  expect(page).not.toContain("a<b>");
});

test("every tag of the page is closed", () => {
  const open: string[] = [];
  for (const [, end, name = "", self] of resultPage(RESULT).matchAll(
    /<(\/?)([a-z]\w*)(?:"[^"]*"|[^">])*?(\/?)>/g,
  )) {
    if (self === "/" || name === "meta") continue;
    if (end === "/") expect(open.pop()).toBe(name);
    else open.push(name);
  }
  expect(open).toEqual([]);
});

test("storms have a plot of their sockets", () => {
  const points = POINTS.map((point) => ({ ...point, p99: 150 }));
  const page = resultPage({ ...RESULT, points, plan: planOf("connect-storm") });
  expect(page).toContain("Sockets, open");
  // The latency of messages is no threshold of theirs.
  expect(page).not.toContain("p99 threshold");
  expect(resultPage({ ...RESULT, points })).toContain("p99 threshold");
});

test("the text has the same verdict", () => {
  const text = resultText(RESULT);
  expect(text).toContain("FAILED lost none");
  expect(text).toMatch(/met {4}latency p99 < 25 ms +9\.5 ms/);
  expect(text).toContain("generator-bound: k6 used 60 % of a core");
  expect(text).toEndWith("\nfailed");
});

test("a run says its own rate and length, whatever its scenario's title says", () => {
  const plan = planOf("peak", { rate: 2_500, seconds: 12, warmUp: 3 });
  const words = "2,500 messages a second at most, 12 s after 3 s of warm-up";
  const result = { ...RESULT, plan, short: false };
  expect(resultPage(result)).toContain(words);
  expect(resultText(result)).toContain(words);
  expect(resultText(RESULT)).toContain("short form, 1,000 messages a second at most, 30 s");
});

test("every threshold of k6 is said in words, with the unit of what was measured", () => {
  const rules = Object.entries({ ...thresholdsOf("chat"), ...thresholdsOf("connect-storm") });
  const said = rules.flatMap(([metric, all]) =>
    all.map((rule) => {
      const check = { name: metric.replace("tidegate_", ""), rule, value: 0.0004, passed: true };
      return `${ruleText(check)}: ${checkValue(check)}`;
    }),
  );
  expect(said).toContain("latency p99.9 < 500 ms: 0.0004 ms");
  expect(said).toContain("connect p95 < 2,000 ms: 0.0004 ms");
  expect(said).toContain("errors < 0.1 %: 0.04 %");
  expect(said).toContain("reordered none: 0.0004");
  for (const line of said) expect(line).not.toMatch(/==|\(/);
});

test("a line of progress has a dash for a latency that is not measured", () => {
  const [first, , last] = POINTS;
  if (first === undefined || last === undefined) throw new Error("there are points");
  expect(pointText(first)).toContain("p99 –");
  expect(pointText(last)).toContain("p99 9 ms");
});

test("a plot leaves gaps where there is no value and shows lone ones", () => {
  const svg = plotSvg({
    title: "Latency",
    unit: "ms",
    at: [0, 1, 2, 3],
    series: [{ name: "p50", colour: 1, values: [1, undefined, 3, 4] }],
  });
  const path = /class="curve c1" d="([^"]*)"/.exec(svg)?.[1] ?? "";
  expect(path.match(/M/g)).toHaveLength(2);
  expect(path).not.toContain("NaN");
});

test("a plot without any value is still one", () => {
  expect(plotSvg({ title: "CPU", unit: "%", at: [], series: [] })).not.toMatch(/NaN|Infinity/);
});

test("scales end at round numbers", () => {
  expect([0, 0.3, 1, 7, 21, 180, 24_000].map(niceCeiling)).toEqual([
    1, 0.5, 1, 10, 25, 200, 25_000,
  ]);
});
