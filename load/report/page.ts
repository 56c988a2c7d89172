import { type Mode, MODES, type ResultRow } from "../result.ts";
import { headlines } from "./headline.ts";
import type { PlotFile } from "./plots.ts";

const START = "<!-- benchmarks:start -->";
const END = "<!-- benchmarks:end -->";
const DASH = "–";
const HEAD = [
  "what",
  "acked/s",
  "delivered/s",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "lost, doubled, moved",
];
const ORIGIN = "commit, rounds";
const WHERE: Readonly<Record<Mode, string>> = {
  standalone: "Standalone: ",
  cluster: "Cluster: ",
  peer: "",
  limit: "",
};
const GROUPS: Readonly<Record<Mode, string>> = {
  standalone: "Standalone",
  cluster: "Cluster: Kafka, Postgres, Redis, gateways and consumers",
  peer: "The same load on others",
  limit: "What the parts can do",
};
/** Columns of the table; all else is listed under the row's own heading. */
const SHOWN: ReadonlySet<string> = new Set(
  "name mode title commit date machine services acked_per_s delivered_per_s p50_ms p99_ms p999_ms lost duplicate reordered spread rounds".split(
    " ",
  ),
);
const INTRO = `\`bun run bench\` starts everything by itself, measures it in rounds and writes \`benchmarks.json\`, from
which \`bun load/report.ts\` makes this page. A row is the median of its rounds; the table says how many those
were and at which commit. Everything, the load generator included, runs on the same cores.

Times are from the moment a message was due to its arrival at another member's socket, so that a stall counts
for every message that had to wait in it. In a closed loop a message is due when an answer makes room for it.
Contents have 200 bytes, of many scripts unless a row says ASCII. A connection may send 10,000 messages a
second, not 2,000, since some loads have few. A cluster is one gateway, one consumers
process, four partitions and one broker, so that \`acks=all\` is one copy, unless a row says otherwise.
Socket.IO is one process, or two where it says so, and stores nothing.

A virtual machine may have a page of memory only from its first touch on, at a cost of ten microseconds, and
give it back soon after it is free. Kafka's log, the tables and SQLite's files fill the cache of files with new
pages all the time, and paid for that with up to a fifth of all CPU, more or less by what had run before. So
all free memory is touched before anything is measured, ours or a peer's, and kept from going back; a row says
what a page took then. \`--cold\` leaves it as it is found, as rows did that say nothing of memory.

What something costs is the difference of pairs of runs with and without it: in throughput, and at one speed,
which is CPU counted in what a message takes the generator. That does the same in both, so that most of the
machine's speed, which is another one from minute to minute, is no part of it; what is left is 2 or 3 % either
way, more than its error says.`;

/** The table of all rows that have throughput or times, in Markdown. */
export function benchmarksTable(rows: readonly ResultRow[]): string {
  return tableOf(
    rows.map((row) => ({ ...row, title: WHERE[row.mode] + row.title })),
    rows,
    true,
  );
}

/** The README's table: a few rows, under names of their own. */
export function headlineTable(rows: readonly ResultRow[]): string {
  return tableOf(headlines(rows), rows);
}

function tableOf(some: readonly ResultRow[], all: readonly ResultRow[], hasOrigin = false): string {
  const shown = some.filter((row) => row.acked_per_s !== undefined || row.p99_ms !== undefined);
  if (shown.length === 0) return "Nothing was measured yet.";
  const cells = shown.map((row) => [
    row.title,
    ...[row.acked_per_s, row.delivered_per_s, row.p50_ms, row.p99_ms, row.p999_ms].map(cell),
    row.lost === undefined ? DASH : [row.lost, row.duplicate, row.reordered].join(", "),
    ...(hasOrigin ? [`${row.commit.slice(0, 7)} ×${Number(row["rounds"] ?? 1)}`] : []),
  ]);
  const head = hasOrigin ? [...HEAD, ORIGIN] : HEAD;
  const widths = head.map((_, i) =>
    Math.max(...[head, ...cells].map((row) => row[i]?.length ?? 0)),
  );
  const rule = widths.map((width, i) =>
    i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  const table = [head, rule, ...cells].map((row) => line(row, widths));
  return [...table, "", ...ratios(all), machineLine(all)].join("\n");
}

/** The whole page: table, plots, then everything else that each program measured. */
export function benchmarksPage(rows: readonly ResultRow[], plots: readonly PlotFile[]): string {
  const images = plots.map(({ name, title }) => `![${title}](images/${name})`);
  const groups = MODES.flatMap((mode) => {
    const own = rows.filter((row) => row.mode === mode);
    return own.length === 0
      ? []
      : [`## ${GROUPS[mode]}`, ...servicesOf(own), ...own.map((row) => section(row))];
  });
  return `${["# Benchmarks", INTRO, benchmarksTable(rows), ...images, ...groups].join("\n\n")}\n`;
}

/** `text` with the table between its two markers replaced. @throws when the markers are not there */
export function replaceTable(text: string, table: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`there is no ${START} … ${END}`);
  return `${text.slice(0, start + START.length)}\n\n${table}\n\n${text.slice(end)}`;
}

function section(row: ResultRow): string {
  const extras = Object.entries(row).filter(([name]) => !SHOWN.has(name));
  const list = extras.map(([name, value]) => `- ${name.replaceAll("_", " ")}: ${extra(value)}`);
  const spread = Object.entries((row["spread"] ?? {}) as Record<string, readonly number[]>).map(
    ([name, [low = 0, high = 0]]) =>
      `- ${name.replaceAll("_", " ")}, rounds: ${cell(low)} … ${cell(high)}`,
  );
  const rounds = Number(row["rounds"] ?? 1);
  const times = rounds === 1 ? "once" : `${rounds} times`;
  const origin = `Measured ${times} at commit \`${row.commit}\` on ${row.date.slice(0, 10)} as \`${row.name}\`.`;
  return [`### ${row.title}`, "", origin, "", ...spread, ...list].join("\n");
}

/** How the services of some rows were set, and of which rows that is known. */
function servicesOf(rows: readonly ResultRow[]): string[] {
  const texts = new Set(rows.flatMap(({ services }) => services ?? []));
  return [...texts].map((text) => {
    const names = rows.filter(({ services }) => services === text).map(({ name }) => name);
    const which = names.length === rows.length ? "all of these" : names.join(", ");
    return `Services of ${which}: ${text}.`;
  });
}

/** How many times as much as the fastest of those that we are compared with. */
function ratios(rows: readonly ResultRow[]): string[] {
  const peers = rows.filter(({ mode }) => mode === "peer");
  const best = peers.toSorted((a, b) => (b.acked_per_s ?? 0) - (a.acked_per_s ?? 0))[0];
  if (best?.acked_per_s === undefined) return [];
  const fastest = best.acked_per_s;
  const texts = rows
    .filter(({ name }) => name === "standalone-closed" || name === "cluster-closed")
    .map(({ mode, acked_per_s = 0 }) => `${mode} ${(acked_per_s / fastest).toFixed(1)} times`);
  if (texts.length === 0) return [];
  const load = "under the same load of the same generator";
  return [
    `Acked messages a second ${load}: ${texts.join(", ")} as many as Socket.IO in the fastest of its rows here.`,
    "",
  ];
}

function machineLine(rows: readonly ResultRow[]): string {
  const texts = rows.map(
    ({ machine: { cpu, cores, memory_gib, kernel, bun } }) =>
      `${cpu}, ${cores} cores, ${memory_gib} GiB, Linux ${kernel}, Bun ${bun}`,
  );
  return `Measured on: ${[...new Set(texts)].join("; ")}.`;
}

/** Padded as the formatter wants it, numbers to the right. */
function line(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((text, i) =>
    i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0),
  );
  return `| ${padded.join(" | ")} |`;
}

function cell(value: number | undefined): string {
  if (value === undefined) return DASH;
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(1);
}

function extra(value: unknown): string {
  if (typeof value === "number") return value.toLocaleString("en-US");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, number]) => `${name} ${String(number)}`)
    .join(", ");
}
