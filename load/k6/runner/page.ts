import { type Plot, plotSvg, type Series } from "./plot.ts";
import type { RunResult } from "./result.ts";
import { checkValue, cpuText, loadText, ruleText, whole } from "./text.ts";
import type { Point } from "./timeline.ts";
import type { Check } from "./verdict.ts";

/** Beyond so many points neighbours are drawn as one: a line has no more pixels than that. */
const POINTS_MAX = 700;

const STYLE = `
:root{color-scheme:light dark;--ink:#16212b;--soft:#5b6b78;--paper:#fff;--panel:#f4f7f9;--rule:#dde5ea;--good:#0a7f4f;--bad:#c02b3c;--warn:#9a6200;--c1:#0b72b5;--c2:#d1662b;--c3:#7a4fb5;--c4:#2b8a57;--c5:#b03a6f}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf2;--soft:#9fb0bd;--paper:#10171d;--panel:#18222b;--rule:#2b3944;--good:#4cc38a;--bad:#ff6b7a;--warn:#e0a84a;--c1:#58b4f0;--c2:#f0935c;--c3:#b79af0;--c4:#62cf97;--c5:#f08ab8}}
*{box-sizing:border-box}body{margin:0 auto;max-width:64rem;padding:2rem 1rem 4rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.25rem 0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{margin:.25rem 0;color:var(--soft)}
.badge{display:inline-block;padding:.1rem .7rem;border-radius:1rem;font-weight:600;border:2px solid currentColor}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;margin:1.25rem 0}.card{background:var(--panel);border-radius:.6rem;padding:.7rem .9rem}.card b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}.card span{color:var(--soft);font-size:.85rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}td,th{padding:.35rem .6rem;border-bottom:1px solid var(--rule);text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1.25rem 0;background:var(--panel);border-radius:.6rem;padding:.9rem}figcaption{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin-bottom:.4rem}figcaption b{margin-right:auto}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}.grid{stroke:var(--rule)}.mark{stroke:var(--bad);stroke-dasharray:4 4}text.mark{stroke:none;fill:var(--bad)}
.curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}${[1, 2, 3, 4, 5]
  .map((i) => `.c${i}{stroke:var(--c${i})}.k${i}{color:var(--c${i})}`)
  .join("")}
`;

/** One page that needs nothing but itself. */
export function resultPage(result: RunResult): string {
  const { plan, verdict, measured, machine } = result;
  const { latency, counts, disturbed, generatorBound } = verdict;
  const ms = (value: number | undefined): string =>
    value === undefined ? "–" : `${value.toLocaleString("en-US", { maximumFractionDigits: 1 })} ms`;
  const cards: readonly (readonly [string, string])[] = [
    ["acked a second", whole(measured.ackedRate)],
    ["delivered a second", whole(measured.deliveredRate)],
    ["latency p50", ms(latency?.p50)],
    ["latency p95", ms(latency?.p95)],
    ["latency p99", ms(latency?.p99)],
    ["latency p99.9", ms(latency?.p999)],
    ["lost, doubled, moved", ["lost", "duplicate", "reordered"].map((n) => counts[n]).join(", ")],
    ["refused", whole(counts["refused"])],
  ];
  const badges = [
    verdict.passed ? ["passed", "good"] : ["failed", "bad"],
    ...(generatorBound === undefined ? [] : [["generator-bound", "warn"]]),
    ...(disturbed === undefined ? [] : [["disturbed", "warn"]]),
  ];
  const notes = [
    ...(generatorBound === undefined
      ? []
      : [`${generatorBound}: the figures are its own as much as the server's.`]),
    ...(disturbed === undefined ? [] : [`${disturbed}: on a quiet machine it would do better.`]),
  ];
  const title = escape(plan.title);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} · Tidegate load</title><style>${STYLE}</style></head><body>
<p>${badges.map(([word, kind]) => `<span class="badge ${kind}">${word}</span>`).join(" ")}</p>
<h1>${title}</h1>
<p>${escape(result.target)}, ${escape(result.startedAt.slice(0, 16).replace("T", " "))} UTC: ${escape(loadText(result))}, of which ${whole(measured.seconds)} s count</p>
${notes.map((note) => `<p class="warn">${escape(note)}</p>`).join("")}
<div class="cards">${cards.map(([name, value]) => `<div class="card"><b>${value}</b><span>${name}</span></div>`).join("")}</div>
${plotsOf(result).map(figure).join("\n")}
<h2>Thresholds</h2><div class="scroll"><table>${verdict.checks.map((check) => checkRow(check, "ok", "failed", "bad")).join("")}</table></div>
${verdict.goals.length === 0 ? "" : `<h2>Tighter goals</h2><p>They do not fail a run.</p><div class="scroll"><table>${verdict.goals.map((goal) => checkRow(goal, "met", "missed", "warn")).join("")}</table></div>`}
<h2>How it was measured</h2>
<p>${plan.vus} virtual users, ${plan.rooms * plan.vus} conversations of ${plan.roomSize} sockets, ${plan.perFrame} messages a frame or request. Latency is from when a message was due to its arrival at each reader, in whole milliseconds; one of ${plan.sampleEvery} deliveries was timed, all were counted. CPU: ${escape(cpuText(measured.cpu))}.</p>
<p>${escape(`${machine.cpu}, ${machine.cores} cores, ${machine.memory_gib} GiB, Linux ${machine.kernel}, Bun ${machine.bun}, k6 ${result.k6}, commit ${result.commit}`)}</p>
</body></html>
`;
}

function plotsOf({ plan, points }: RunResult): Plot[] {
  const thinned = thin(points);
  const at = thinned.map((point) => point.at);
  const series = (
    name: string,
    colour: number,
    pick: (point: Point) => number | undefined,
  ): Series => ({
    name,
    colour,
    values: thinned.map(pick),
  });
  const kinds = [...new Set(points.flatMap(({ cpu }) => Object.keys(cpu)))];
  const isStorm = plan.kind === "connect-storm" || plan.kind === "resume-storm";
  const plots: Plot[] = [
    {
      title: "Latency",
      unit: "ms",
      at,
      series: [series("p50", 1, ({ p50 }) => p50), series("p99", 2, ({ p99 }) => p99)],
      // Storms are judged by connecting and catching up.
      marks: isStorm ? [] : [{ value: 200, name: "p99 threshold" }],
    },
    {
      title: "Messages",
      unit: "a second",
      at,
      series: [
        series("sent", 3, ({ sentRate }) => sentRate),
        series("acked", 1, ({ ackedRate }) => ackedRate),
        series("delivered", 2, ({ deliveredRate }) => deliveredRate),
      ],
    },
    {
      title: "CPU",
      unit: "% of one core",
      at,
      series: kinds.map((kind, i) => series(kind, (i % 5) + 1, ({ cpu }) => cpu[kind])),
    },
  ];
  const sockets = series("open", 1, (point) => point.sockets);
  if (isStorm) plots.unshift({ title: "Sockets", unit: "open", at, series: [sockets] });
  return plots;
}

function thin(points: readonly Point[]): readonly Point[] {
  const step = Math.ceil(points.length / POINTS_MAX);
  return points.filter((_, i) => i % step === 0);
}

function figure(plot: Plot): string {
  const keys = plot.series
    .map(({ name, colour }) => `<span class="k${colour}">● ${escape(name)}</span>`)
    .join("");
  return `<figure><figcaption><b>${plot.title}, ${plot.unit}</b>${keys}</figcaption>${plotSvg(plot)}</figure>`;
}

function checkRow(check: Check, good: string, bad: string, badClass: string): string {
  const word = check.passed ? good : bad;
  return `<tr><td class="${check.passed ? "good" : badClass}">${word}</td><td>${escape(ruleText(check))}</td><td class="n">${escape(checkValue(check))}</td></tr>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
