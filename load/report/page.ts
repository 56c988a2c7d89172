import type { ResultRow } from "../result.ts";

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
/** Columns of the table; all else is listed under the row's own heading. */
const SHOWN: ReadonlySet<string> = new Set(
  "name mode title commit date machine acked_per_s delivered_per_s p50_ms p99_ms p999_ms lost duplicate reordered".split(
    " ",
  ),
);

/** The table of all rows, in Markdown. */
export function benchmarksTable(rows: readonly ResultRow[]): string {
  if (rows.length === 0) return "Nothing was measured yet.";
  const cells = rows.map((row) => [
    row.title,
    ...[row.acked_per_s, row.delivered_per_s, row.p50_ms, row.p99_ms, row.p999_ms].map(cell),
    row.lost === undefined ? DASH : [row.lost, row.duplicate, row.reordered].join(", "),
  ]);
  const widths = HEAD.map((_, i) =>
    Math.max(...[HEAD, ...cells].map((row) => row[i]?.length ?? 0)),
  );
  const rule = widths.map((width, i) =>
    i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  const table = [HEAD, rule, ...cells].map((row) => line(row, widths));
  return [...table, "", machineLine(rows)].join("\n");
}

/** The whole page: the table, then everything else that each program measured. */
export function benchmarksPage(rows: readonly ResultRow[]): string {
  const sections = rows.map((row) => {
    const extras = Object.entries(row).filter(([name]) => !SHOWN.has(name));
    const list = extras.map(([name, value]) => `- ${name.replaceAll("_", " ")}: ${extra(value)}`);
    const origin = `Measured at commit \`${row.commit}\` on ${row.date.slice(0, 10)}, ${row.mode}.`;
    return [`## ${row.title}`, "", origin, "", ...list].join("\n");
  });
  const intro =
    "The programs in `load/` write their figures to `benchmarks.json`; `bun load/report.ts` makes this\npage from it. Times are from the moment a message was due to its arrival at another member's socket.\nThe load generator runs on the same cores as the server.";
  return `${["# Benchmarks", intro, benchmarksTable(rows), ...sections].join("\n\n")}\n`;
}

/** `text` with the table between its two markers replaced. @throws when the markers are not there */
export function replaceTable(text: string, table: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`there is no ${START} … ${END}`);
  return `${text.slice(0, start + START.length)}\n\n${table}\n\n${text.slice(end)}`;
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
