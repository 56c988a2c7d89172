/** Grafana's names of units. */
export type Unit = "short" | "s" | "bytes" | "percentunit" | "mps" | "reqps" | "ops" | "none";

/** What one panel shows. Queries are PromQL with `$instance` for the chosen processes. */
export interface Panel {
  readonly title: string;
  /** For whoever hovers: what it means, and from when on it is bad. */
  readonly about: string;
  readonly unit: Unit;
  /** Expression and legend of each. */
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /** Where an alert warns, and where it is critical. */
  readonly thresholds?: readonly [warning: number, critical: number];
  /** A number, a table of the newest values, or lines over time when absent. */
  readonly kind?: "stat" | "table";
  /** Of 24 columns; 8 when absent. */
  readonly width?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const COLUMNS = 24;
const WIDTH = 8;
const HEIGHT = 8;
const STAT_HEIGHT = 4;

/** Panels of rows in Grafana's JSON, placed from left to right. */
export function panelsOf(rows: readonly Row[]): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  let id = 1;
  for (const row of rows) {
    const at = { h: 1, w: COLUMNS, x: 0, y };
    panels.push({
      id: id++,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: at,
      panels: [],
    });
    y++;
    let x = 0;
    let lineHeight = 0;
    for (const panel of row.panels) {
      const w = panel.width ?? WIDTH;
      const h = panel.kind === "stat" ? STAT_HEIGHT : HEIGHT;
      if (x + w > COLUMNS) {
        y += lineHeight;
        x = 0;
        lineHeight = 0;
      }
      panels.push(panelOf(panel, id++, { h, w, x, y }));
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
  return panels;
}

function panelOf(panel: Panel, id: number, gridPos: object): object {
  const { title, about, unit, queries, kind = "timeseries" } = panel;
  const isNow = kind === "table";
  return {
    id,
    type: kind,
    title,
    description: about,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0, ...thresholdsOf(panel) }, overrides: [] },
    options: OPTIONS[kind],
    targets: queries.map(([expr, legendFormat], i) => ({
      refId: refId(i),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      ...(isNow ? { instant: true, range: false, format: "table" } : { range: true }),
    })),
    ...(isNow ? { transformations: columnsOf(queries) } : {}),
  };
}

/** One row for each set of labels, whose values have the names that the queries have. */
function columnsOf(queries: Panel["queries"]): readonly object[] {
  const renameByName: Record<string, string> = {};
  queries.forEach(([, legend], i) => {
    renameByName[queries.length === 1 ? "Value" : `Value #${refId(i)}`] = legend;
  });
  const options = { excludeByName: { Time: true }, renameByName };
  return [
    { id: "merge", options: {} },
    { id: "organize", options },
  ];
}

function refId(index: number): string {
  return String.fromCodePoint(65 + index);
}

const OPTIONS = {
  timeseries: {
    legend: { displayMode: "list", placement: "bottom", showLegend: true },
    tooltip: { mode: "multi", sort: "desc" },
  },
  stat: {
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    colorMode: "value",
    graphMode: "area",
  },
  table: { showHeader: true },
} as const;

/** As lines in a plot, as a colour in a number. */
function thresholdsOf({ thresholds, kind }: Panel): object {
  if (thresholds === undefined) return kind === "stat" ? { color: { mode: "thresholds" } } : {};
  const [warning, critical] = thresholds;
  return {
    thresholds: {
      mode: "absolute",
      steps: [
        { color: "green", value: null },
        // A step begins at its value; an alert, above it.
        { color: "orange", value: warning === 0 ? 1e-9 : warning },
        { color: "red", value: critical === 0 ? 1e-9 : critical },
      ],
    },
    ...(kind === undefined ? { custom: { thresholdsStyle: { mode: "line" } } } : {}),
    ...(kind === "stat" ? { color: { mode: "thresholds" } } : {}),
  };
}
