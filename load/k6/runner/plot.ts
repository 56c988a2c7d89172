/** One curve; undefined where there is no value. */
export interface Series {
  readonly name: string;
  /** Which of the page's colours, from 1. */
  readonly colour: number;
  readonly values: readonly (number | undefined)[];
}

/** A horizontal line that means something, such as a threshold. */
export interface Mark {
  readonly value: number;
  readonly name: string;
}

export interface Plot {
  readonly title: string;
  readonly unit: string;
  /** Seconds, one for each value. */
  readonly at: readonly number[];
  readonly series: readonly Series[];
  readonly marks?: readonly Mark[];
}

const WIDTH = 720;
const HEIGHT = 240;
const LEFT = 64;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;
const TICKS = 4;

/** A plot as SVG whose colours and letters come from the page's style. */
export function plotSvg(plot: Plot): string {
  const end = Math.max(1, ...plot.at);
  const start = Math.min(end - 1, ...plot.at);
  const most = Math.max(0, ...plot.series.flatMap(({ values }) => values.map((v) => v ?? 0)));
  // A far threshold would press the curves flat: it is shown where the curves come near it.
  const marks = (plot.marks ?? []).filter(({ value }) => value <= most * 3);
  const top = niceCeiling(Math.max(most, ...marks.map(({ value }) => value)));
  const x = (second: number): number =>
    LEFT + ((second - start) / (end - start)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const grid = Array.from({ length: TICKS + 1 }, (_, i) => (top * i) / TICKS).map(
    (value) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(value))}" y2="${px(y(value))}"/>` +
      `<text x="${LEFT - 8}" y="${px(y(value) + 4)}" text-anchor="end">${label(value, top)}</text>`,
  );
  const seconds = Array.from({ length: TICKS + 1 }, (_, i) =>
    Math.round(start + ((end - start) * i) / TICKS),
  ).map(
    (second) =>
      `<text x="${px(x(second))}" y="${HEIGHT - 8}" text-anchor="middle">${second} s</text>`,
  );
  const lines = marks.map(
    ({ value, name }) =>
      `<line class="mark" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(value))}" y2="${px(y(value))}"/>` +
      `<text class="mark" x="${WIDTH - RIGHT}" y="${px(y(value) - 4)}" text-anchor="end">${name}</text>`,
  );
  const curves = plot.series.map(
    ({ values, colour }) => `<path class="curve c${colour}" d="${pathOf(values, plot.at, x, y)}"/>`,
  );
  const content = [...grid, ...seconds, ...lines, ...curves].join("");
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${plot.title}, ${plot.unit}">${content}</svg>`;
}

/** The least of 1, 2, 2.5 and 5 times a power of ten that is not below the value. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}

function pathOf(
  values: readonly (number | undefined)[],
  at: readonly number[],
  x: (second: number) => number,
  y: (value: number) => number,
): string {
  let path = "";
  let isDrawing = false;
  values.forEach((value, i) => {
    if (value !== undefined) {
      path += `${isDrawing ? "L" : "M"}${px(x(at[i] ?? 0))} ${px(y(value))}`;
      // A lone value would be a path without length, which shows as nothing.
      if (!isDrawing) path += "h0.01";
    }
    isDrawing = value !== undefined;
  });
  return path;
}

function label(value: number, top: number): string {
  const [text, unit] = top >= 10_000 ? [value / 1000, "k"] : [value, ""];
  return value === 0 ? "0" : text.toLocaleString("en-US", { maximumFractionDigits: 1 }) + unit;
}

const px = (value: number): string => String(Math.round(value * 10) / 10);
