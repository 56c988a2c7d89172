import { panelsOf, type Row } from "./panel.ts";

/** One of Grafana's dashboards, as a file. */
export interface Dashboard {
  /** Of the file, of the address, and of the dashboard's id. */
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** A metric that all processes of this dashboard have: its instances can be chosen. */
  readonly instancesOf: string;
  readonly rows: readonly Row[];
}

const SCHEMA_VERSION = 39;

/** The dashboard as Grafana reads it. */
export function dashboardJson({ name, title, about, instancesOf, rows }: Dashboard): string {
  const datasource = {
    name: "datasource",
    label: "Data source",
    type: "datasource",
    query: "prometheus",
  };
  const instance = {
    name: "instance",
    label: "Process",
    type: "query",
    datasource: { type: "prometheus", uid: "${datasource}" },
    query: { query: `label_values(${instancesOf}, instance)`, refId: "instance" },
    includeAll: true,
    multi: true,
    allValue: ".*",
    current: { text: "All", value: "$__all" },
    refresh: 2,
  };
  const dashboard = {
    uid: `tidegate-${name}`,
    title: `Tidegate: ${title}`,
    description: about,
    tags: ["tidegate"],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    refresh: "5s",
    time: { from: "now-30m", to: "now" },
    templating: { list: [datasource, instance] },
    links: [{ type: "dashboards", title: "Tidegate", tags: ["tidegate"], asDropdown: true }],
    annotations: { list: [] },
    panels: panelsOf(rows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
