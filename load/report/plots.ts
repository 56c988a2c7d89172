import type { ResultRow } from "../result.ts";
import { type Bar, barsSvg } from "./bars.ts";

/** A file of `docs/images`, and what it shows. */
export interface PlotFile {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** The plots of whatever was measured; none where nothing fits. */
export function plotsOf(rows: readonly ResultRow[]): PlotFile[] {
  const closed = rows.filter(({ name }) => /-(closed|batched|batched-plain)$|^socketio/.test(name));
  const open = rows.filter(({ name, p99_ms }) => /-open-/.test(name) && p99_ms !== undefined);
  const costs = rows.filter(
    ({ mode, name, ...row }) =>
      (mode === "cluster" || mode === "peer") &&
      /-(closed|batched|batched-plain)$|^socketio/.test(name) &&
      row["cpu_percent"] !== undefined,
  );
  return [
    plot("throughput", "Acked messages a second", "closed loop; the thin line is the spread", {
      bars: closed.map((row) => throughput(row)),
    }),
    plot("latency", "From due to the other member's socket", "ms: p50 / p99 / p99.9, logarithmic", {
      bars: open.map((row) => latency(row)),
      isLogarithmic: true,
    }),
    plot("cost", "CPU of a message", "µs in closed loop, all processes and the generator", {
      bars: costs.map((row) => cost(row)),
    }),
  ].filter((file) => file !== undefined);
}

function plot(
  name: string,
  title: string,
  unit: string,
  { bars, isLogarithmic = false }: { readonly bars: readonly Bar[]; isLogarithmic?: boolean },
): PlotFile | undefined {
  if (bars.length === 0) return undefined;
  const svg = barsSvg({ title, unit, bars, isLogarithmic });
  return { name: `benchmarks-${name}.svg`, title, svg };
}

function throughput(row: ResultRow): Bar {
  const spread = spreadOf(row, "acked_per_s");
  const pieces = [{ series: "acked", value: row.acked_per_s ?? 0 }];
  return { name: row.name, pieces, ...(spread === undefined ? {} : { spread }) };
}

function latency(row: ResultRow): Bar {
  const pieces = (["p50", "p99", "p999"] as const).map((name) => ({
    series: name.replace("p999", "p99.9"),
    value: row[`${name}_ms`] ?? 0,
  }));
  return { name: row.name, pieces };
}

/** Percent of a core are 10,000 µs a second. */
function cost(row: ResultRow): Bar {
  const percent = row["cpu_percent"] as Readonly<Record<string, number>>;
  const perSecond = row.acked_per_s ?? 1;
  const pieces = Object.entries(percent)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([series, share]) => ({ series, value: (share * 10_000) / perSecond }));
  return { name: row.name, pieces };
}

/** The lowest and the highest of a figure's rounds. */
function spreadOf(row: ResultRow, figure: string): readonly [number, number] | undefined {
  const spread = row["spread"] as Readonly<Record<string, readonly [number, number]>> | undefined;
  return spread?.[figure];
}
