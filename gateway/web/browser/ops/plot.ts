import { make } from "../dom.ts";
import { linearScale, logScale, type Scale } from "./scale.ts";

export interface Line {
  readonly label: string;
  /** Class of its colour. */
  readonly tone: string;
}

export interface PlotOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Time from the left to the right edge at most, in ms; less while there is less. */
  readonly spanMs: number;
  readonly format: (value: number) => string;
  readonly axis: (value: number) => string;
  readonly isLog?: boolean;
}

export interface PlotPoint {
  /** Ms. */
  readonly at: number;
  /** One for each line; undefined: a hole. */
  readonly values: readonly (number | undefined)[];
}

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 54;
const BOTTOM = 22;
const TOP = 10;
const RIGHT = 8;
const MINUTE_MS = 60_000;
/** Room for a label of the axis. */
const LABEL_WIDTH = 64;
/** Longer than that between two points is a hole. */
const GAP_MS = 6_000;

/** Lines over time, drawn as SVG, with what they say at the pointer. */
export class Plot {
  readonly element: HTMLElement;
  readonly #options: PlotOptions;
  readonly #svg = vector("svg", { role: "img" });
  readonly #values: HTMLElement[];
  readonly #time = make("span", "plot-time");
  #points: readonly PlotPoint[] = [];
  #pointer: number | undefined;

  constructor(options: PlotOptions) {
    const { title, lines } = options;
    this.#options = options;
    this.#svg.setAttribute("aria-label", title);
    this.#values = lines.map(() => make("strong"));
    const legend = lines.map((line, i) => {
      const item = make("span", `key ${line.tone}`, make("i"), line.label, " ");
      item.append(this.#values[i] as HTMLElement);
      return item;
    });
    const head = make("div", "plot-head", make("h2", "", title), this.#time);
    this.element = make("section", "panel plot", head, make("div", "legend", ...legend));
    this.element.append(this.#svg);
    this.#svg.addEventListener("pointermove", (event) => {
      this.#pointer = event.offsetX;
      this.#draw();
    });
    this.#svg.addEventListener("pointerleave", () => {
      this.#pointer = undefined;
      this.#draw();
    });
    new ResizeObserver(() => this.#draw()).observe(this.#svg);
  }

  show(points: readonly PlotPoint[]): void {
    this.#points = points;
    this.#draw();
  }

  #draw(): void {
    const { width, height } = this.#svg.getBoundingClientRect();
    if (width < LEFT + RIGHT || height < TOP + BOTTOM) return;
    const { lines, axis } = this.#options;
    const points = this.#points;
    const end = points.at(-1)?.at ?? 0;
    const spanMs = this.#span(end);
    const x = (at: number): number => LEFT + (1 - (end - at) / spanMs) * (width - LEFT - RIGHT);
    const scale = this.#scale();
    const y = (value: number): number => TOP + (1 - scale.place(value)) * (height - TOP - BOTTOM);
    const parts: SVGElement[] = [];
    for (const tick of scale.ticks) {
      const at = Math.round(y(tick)) + 0.5;
      parts.push(vector("line", { x1: LEFT, x2: width - RIGHT, y1: at, y2: at, class: "grid" }));
      parts.push(text(LEFT - 8, at + 4, axis(tick), "end"));
    }
    const steps = Math.max(1, Math.min(5, Math.floor((width - LEFT - RIGHT) / LABEL_WIDTH) - 1));
    for (let i = 0; i <= steps; i++) {
      const back = (spanMs * i) / steps;
      const anchor = i === 0 ? "end" : i === steps ? "start" : "middle";
      parts.push(text(x(end - back), height - 5, agoLabel(back), anchor));
    }
    for (const [i, line] of lines.entries()) {
      const runs = runsOf(points, i).map((run) =>
        run.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`),
      );
      for (const run of runs) {
        if (i === 0 && run.length > 1)
          parts.push(
            vector("polygon", {
              points: `${run[0]?.split(",")[0]},${height - BOTTOM} ${run.join(" ")} ${run.at(-1)?.split(",")[0]},${height - BOTTOM}`,
              class: `area ${line.tone}`,
            }),
          );
        parts.push(vector("polyline", { points: run.join(" "), class: `line ${line.tone}` }));
      }
    }
    if (points.every(({ values }) => values.every((value) => value === undefined)))
      parts.push(text((LEFT + width - RIGHT) / 2, height / 2, "Nothing to show yet", "middle"));
    const shown = this.#shownPoint(x);
    if (shown !== undefined && this.#pointer !== undefined) {
      const at = x(shown.at);
      parts.push(vector("line", { x1: at, x2: at, y1: TOP, y2: height - BOTTOM, class: "cursor" }));
      for (const [i, value] of shown.values.entries())
        if (value !== undefined)
          parts.push(
            vector("circle", {
              cx: at,
              cy: y(value),
              r: 3.5,
              class: `dot ${lines[i]?.tone ?? ""}`,
            }),
          );
    }
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.replaceChildren(...parts);
    this.#tell(shown, end);
  }

  /** As many whole minutes as there are points for. */
  #span(end: number): number {
    const there = end - (this.#points[0]?.at ?? end);
    const minutes = Math.max(1, Math.ceil(there / MINUTE_MS));
    return Math.min(this.#options.spanMs, minutes * MINUTE_MS);
  }

  #scale(): Scale {
    const values = this.#points.flatMap((point) => point.values).filter((one) => one !== undefined);
    const largest = values.length === 0 ? 0 : Math.max(...values);
    if (this.#options.isLog !== true) return linearScale(largest);
    const positive = values.filter((value) => value > 0);
    return logScale(positive.length === 0 ? 0.001 : Math.min(...positive), largest);
  }

  #shownPoint(x: (at: number) => number): PlotPoint | undefined {
    const pointer = this.#pointer;
    if (pointer === undefined) return this.#points.at(-1);
    let best: PlotPoint | undefined;
    for (const point of this.#points)
      if (best === undefined || Math.abs(x(point.at) - pointer) < Math.abs(x(best.at) - pointer))
        best = point;
    return best;
  }

  #tell(point: PlotPoint | undefined, end: number): void {
    const { format } = this.#options;
    for (const [i, element] of this.#values.entries()) {
      const value = point?.values[i];
      element.textContent = value === undefined ? "–" : format(value);
    }
    const back = point === undefined ? 0 : Math.round((end - point.at) / 1_000);
    this.#time.textContent = this.#pointer === undefined || back === 0 ? "" : `${back} s ago`;
  }
}

/** A small line without axes. */
export function sparkline(values: readonly (number | undefined)[], tone: string): SVGElement {
  const svg = vector("svg", { class: "spark", viewBox: "0 0 100 28", preserveAspectRatio: "none" });
  const known = values.filter((value) => value !== undefined);
  const top = Math.max(1e-9, ...known);
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.flatMap((value, i) =>
    value === undefined ? [] : [`${(i * step).toFixed(1)},${(26 - (value / top) * 24).toFixed(1)}`],
  );
  svg.append(vector("polyline", { points: points.join(" "), class: `line ${tone}` }));
  return svg;
}

function agoLabel(ms: number): string {
  if (ms === 0) return "now";
  const minutes = ms / MINUTE_MS;
  return Number.isInteger(minutes) ? `−${minutes} min` : `−${Math.round(ms / 1_000)} s`;
}

function runsOf(points: readonly PlotPoint[], line: number) {
  const runs: { at: number; value: number }[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const { at, values } of points) {
    const value = values[line];
    if (value === undefined) {
      before = Number.NEGATIVE_INFINITY;
      continue;
    }
    if (at - before > GAP_MS) runs.push([]);
    runs.at(-1)?.push({ at, value });
    before = at;
  }
  return runs;
}

function vector(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

function text(x: number, y: number, label: string, anchor: string): SVGElement {
  const element = vector("text", { x, y, "text-anchor": anchor });
  element.textContent = label;
  return element;
}
