/** One bar, or several pieces of one after another. */
export interface Bar {
  readonly name: string;
  readonly pieces: readonly { readonly series: string; readonly value: number }[];
  /** The lowest and the highest of several rounds. */
  readonly spread?: readonly [number, number];
}

export interface BarPlot {
  readonly title: string;
  readonly unit: string;
  /** Powers of ten at equal distances, for values that lie far apart; pieces start at the left then. */
  readonly isLogarithmic?: boolean;
  readonly bars: readonly Bar[];
}

const WIDTH = 820;
const LEFT = 190;
const RIGHT = 130;
const TOP = 56;
const BAR = 20;
const GAP = 8;
const LEGEND = 22;
const PIECE_HEIGHT = { stacked: BAR, apart: 6 };
// Readable on white as well as on black: one file serves both.
const COLOURS = ["#2f81f7", "#db6d28", "#3fb950", "#a371f7", "#d29922", "#db61a2", "#39c5cf"];
const INK = "#7d8590";

/** Horizontal bars as SVG. The same figures give the same bytes. */
export function barsSvg(plot: BarPlot): string {
  const series = [...new Set(plot.bars.flatMap(({ pieces }) => pieces.map((one) => one.series)))];
  const scale = scaleOf(plot);
  const height = TOP + plot.bars.length * (BAR + GAP) + (series.length > 1 ? LEGEND : 0) + 8;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escaped(plot.title)}</title>`,
    `<text x="8" y="20" font-size="15" font-weight="600">${escaped(plot.title)}</text>`,
    `<text x="8" y="40">${escaped(plot.unit)}</text>`,
    ...plot.bars.map((bar, i) => barOf(bar, TOP + i * (BAR + GAP), plot, series, scale)),
    ...(series.length > 1 ? [legend(series, height - LEGEND)] : []),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

function scaleOf({ bars, isLogarithmic = false }: BarPlot): (value: number) => number {
  const totals = bars.flatMap(({ pieces, spread }) => [
    isLogarithmic
      ? Math.max(0, ...pieces.map(({ value }) => value))
      : pieces.reduce((sum, { value }) => sum + value, 0),
    spread?.[1] ?? 0,
  ]);
  const most = Math.max(1e-9, ...totals);
  const length = WIDTH - LEFT - RIGHT;
  if (!isLogarithmic) return (value) => (value / most) * length;
  const low = Math.log10(0.1);
  const high = Math.log10(Math.max(1, most));
  return (value) => (Math.max(0, Math.log10(Math.max(0.1, value)) - low) / (high - low)) * length;
}

function barOf(
  bar: Bar,
  y: number,
  { isLogarithmic = false }: BarPlot,
  series: readonly string[],
  scale: (value: number) => number,
): string {
  const height = isLogarithmic ? PIECE_HEIGHT.apart : PIECE_HEIGHT.stacked;
  const total = bar.pieces.reduce((sum, { value }) => sum + value, 0);
  let at = LEFT;
  const pieces = bar.pieces.map(({ series: name, value }, i) => {
    const width = scale(value);
    const top = isLogarithmic ? y + i * (PIECE_HEIGHT.apart + 1) : y;
    const colour = COLOURS[series.indexOf(name) % COLOURS.length];
    const rect = `<rect x="${px(at)}" y="${px(top)}" width="${px(width)}" height="${height}" fill="${colour}"/>`;
    if (!isLogarithmic) at += width;
    return rect;
  });
  const end = isLogarithmic
    ? LEFT + Math.max(...bar.pieces.map(({ value }) => scale(value)))
    : Math.max(at, LEFT + scale(bar.spread?.[1] ?? 0));
  const text = isLogarithmic
    ? bar.pieces.map(({ value }) => short(value)).join(" / ")
    : short(total);
  const label = `<text x="${LEFT - 10}" y="${px(y + 15)}" text-anchor="end">${escaped(bar.name)}</text>`;
  const value = `<text x="${px(end + 6)}" y="${px(y + 15)}" font-size="${isLogarithmic ? 11 : 13}">${text}</text>`;
  return [label, ...pieces, ...whisker(bar, y, scale), value].join("");
}

function whisker({ spread }: Bar, y: number, scale: (value: number) => number): string[] {
  if (spread === undefined) return [];
  const [low, high] = spread.map((value) => px(LEFT + scale(value)));
  const middle = y + BAR / 2;
  const path = `M${low} ${middle - 5}v10M${low} ${middle}H${high}M${high} ${middle - 5}v10`;
  return [`<path d="${path}" stroke="${INK}" fill="none"/>`];
}

function legend(series: readonly string[], y: number): string {
  let x = 8;
  return series
    .map((name, i) => {
      const colour = COLOURS[i % COLOURS.length];
      const entry = `<rect x="${x}" y="${y}" width="12" height="12" fill="${colour}"/><text x="${x + 16}" y="${y + 11}">${escaped(name)}</text>`;
      x += 34 + name.length * 8;
      return entry;
    })
    .join("");
}

const px = (value: number): string => String(Math.round(value * 10) / 10);

function short(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
