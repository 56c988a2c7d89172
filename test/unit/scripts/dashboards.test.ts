import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DASHBOARD_FOLDER, DASHBOARDS } from "../../../scripts/dashboards.ts";
import { dashboardJson } from "../../../scripts/dashboards/dashboard.ts";
import { panelsOf } from "../../../scripts/dashboards/panel.ts";
import { limitsWith } from "../../../src/limits.ts";
import { DEPLOY, readRules, selectorsOf } from "../../support/observability/deploy-files.ts";

describe("the dashboards in the tree", () => {
  test("are those that bun scripts/dashboards.ts writes", async () => {
    const names = DASHBOARDS.map(({ name }) => `${name}.json`);
    expect(readdirSync(DASHBOARD_FOLDER).toSorted()).toEqual(names.toSorted());
    for (const dashboard of DASHBOARDS) {
      const path = join(DASHBOARD_FOLDER, `${dashboard.name}.json`);
      expect(await Bun.file(path).text()).toBe(dashboardJson(dashboard));
    }
  });

  test("have panels that do not overlap, and every one says what it means", () => {
    for (const { rows } of DASHBOARDS) {
      const taken = new Set<string>();
      for (const panel of panelsOf(rows) as readonly {
        readonly gridPos: { readonly x: number; readonly y: number; w: number; h: number };
      }[]) {
        const { x, y, w, h } = panel.gridPos;
        expect(x + w).toBeLessThanOrEqual(24);
        for (let i = x; i < x + w; i++)
          for (let j = y; j < y + h; j++) {
            expect(taken).not.toContain(`${i}/${j}`);
            taken.add(`${i}/${j}`);
          }
      }
      for (const { panels } of rows)
        for (const { about } of panels) expect(about.length).toBeGreaterThan(4);
    }
  });
});

describe("a panel", () => {
  test("has the thresholds of each alert that warns before it is critical", async () => {
    const rules = await readRules("tidegate");
    const bounds = new Map<string, { metrics: string[]; warning?: number; critical?: number }>();
    for (const { alert, expr, labels } of rules) {
      const metrics = [...new Set(selectorsOf(expr).map(({ metric }) => metric))].toSorted();
      const { severity } = labels;
      const known = bounds.get(alert) ?? { metrics };
      bounds.set(alert, { ...known, [severity]: Number(/> ([\d.e]+)$/.exec(expr)?.[1]) });
    }
    const panels = DASHBOARDS.flatMap(({ rows }) => rows.flatMap((row) => row.panels));
    const shown = panels.map(({ queries, thresholds }) => ({
      thresholds,
      metrics: queries.flatMap(([expr]) => selectorsOf(expr).map(({ metric }) => metric)),
    }));
    const pairs = [...bounds].filter(([, { critical, warning }]) => critical && warning);
    expect(pairs.length).toBeGreaterThan(9);
    const absent = pairs.filter(
      ([, { metrics, warning, critical }]) =>
        !shown.some(
          (panel) =>
            metrics.every((metric) => panel.metrics.includes(metric)) &&
            panel.thresholds?.[0] === warning &&
            panel.thresholds?.[1] === critical,
        ),
    );
    expect(absent).toEqual([]);
  });

  test("that is a table names its columns, and leaves the time out", () => {
    const queries = [
      ["a", "records"],
      ["b", "seconds"],
    ] as const;
    const panel = { title: "T", about: "about it", unit: "short", kind: "table", queries } as const;
    const [, made] = panelsOf([{ title: "R", panels: [panel] }]) as readonly {
      readonly transformations?: unknown;
    }[];
    expect(made?.transformations).toEqual([
      { id: "merge", options: {} },
      {
        id: "organize",
        options: {
          excludeByName: { Time: true },
          renameByName: { "Value #A": "records", "Value #B": "seconds" },
        },
      },
    ]);
  });
});

test("alerts about what is limited have the limits' numbers", async () => {
  const rules = await readRules("tidegate");
  const exprOf = (alert: string) => rules.find((rule) => rule.alert === alert)?.expr ?? "";
  const limits = limitsWith();
  expect(exprOf("TidegateOutboxFull")).toBe(
    [
      `(max(tidegate_outbox_depth) / ${limits.outboxRowsMax} > 0.5)`,
      `(max(tidegate_outbox_characters) / ${limits.outboxBytesMax} > 0.5)`,
      `(max(tidegate_outbox_own_rows) / ${limits.outboxGatewayRowsMax} > 0.5)`,
      `(max(tidegate_outbox_own_characters) / ${limits.outboxGatewayBytesMax} > 0.5)`,
    ].join(" or "),
  );
  expect(exprOf("TidegateConnectionsNearLimit")).toEndWith(` > ${0.8 * limits.connectionsMax}`);
});

test("a critical alert silences the warning about the same thing alone, not about another broker", async () => {
  const path = join(DEPLOY, "alertmanager/alertmanager.yml");
  const { inhibit_rules: inhibitions } = Bun.YAML.parse(await Bun.file(path).text()) as {
    readonly inhibit_rules: readonly {
      readonly source_matchers: readonly string[];
      readonly equal: readonly string[];
    }[];
  };
  const bySeverity = inhibitions.find(({ source_matchers: [one = ""] }) =>
    one.startsWith("severity"),
  );
  const rules = [...(await readRules("tidegate")), ...(await readRules("external"))];
  const kept = rules.flatMap(({ expr }) => {
    const outer = /^(?:histogram_quantile\([\d.]+, )?\w+ by \(([^)]*)\)/.exec(expr)?.[1] ?? "";
    return outer.split(", ").filter((label) => label !== "" && label !== "le");
  });
  expect(new Set(kept)).toEqual(new Set(["pool", "route", "broker", "instance"]));
  expect(bySeverity?.equal.toSorted()).toEqual([...new Set(kept), "subject", "cluster"].toSorted());
});

test("selectors are found with the labels that they ask for", () => {
  const expr =
    'sum by (le) (rate(tidegate_a_bucket{stage="written",instance=~"{x}"}[5m])) / up{job="a"} + process_b';
  expect(selectorsOf(expr)).toEqual([
    { metric: "tidegate_a_bucket", labels: { stage: "written" } },
    { metric: "up", labels: { job: "a" } },
    { metric: "process_b", labels: {} },
  ]);
});

describe("the runbook", () => {
  test("has a section for each alert, and each alert leads to it", async () => {
    const rules = [...(await readRules("tidegate")), ...(await readRules("external"))];
    const runbook = await Bun.file(join(DASHBOARD_FOLDER, "../../../docs/runbook.md")).text();
    const sections = [...runbook.matchAll(/^### (\w+)$/gm)].map(([, name = ""]) => name);
    expect(sections.toSorted()).toEqual([...new Set(rules.map(({ alert }) => alert))].toSorted());
    for (const { alert, annotations } of rules)
      expect(annotations.runbook_url).toBe(`{{ $externalLabels.runbooks }}#${alert.toLowerCase()}`);
  });

  test("says in each section what it means and what to do", async () => {
    const runbook = await Bun.file(join(DASHBOARD_FOLDER, "../../../docs/runbook.md")).text();
    for (const section of runbook.split(/^### /m).slice(1)) {
      const body = section.split(/^## /m)[0] ?? "";
      expect(body).toContain("**Meaning.**");
      expect(body).toContain("**Do.**");
    }
  });

  test("names no command that is not there", async () => {
    const root = join(DASHBOARD_FOLDER, "../../..");
    const runbook = await Bun.file(join(root, "docs/runbook.md")).text();
    const { scripts } = (await Bun.file(join(root, "package.json")).json()) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const program = await Bun.file(join(root, "cli/tidegate.ts")).text();
    const named = [...runbook.matchAll(/bun run\s+([\w:-]+)(?:\s+([\w-]+))?/g)];
    expect(named.length).toBeGreaterThan(8);
    const isThere = (script: string, command = ""): boolean =>
      script === "tidegate"
        ? new RegExp(`^  "?${command}"?: \\{`, "m").test(program)
        : Object.hasOwn(scripts, script);
    expect(named.filter(([, script = "", command]) => !isThere(script, command))).toEqual([]);
  });

  test("names no metric that the reference does not have", async () => {
    const reference = await Bun.file(
      join(DASHBOARD_FOLDER, "../../../docs/reference/metrics.md"),
    ).text();
    const runbook = await Bun.file(join(DASHBOARD_FOLDER, "../../../docs/runbook.md")).text();
    const named = [...runbook.matchAll(/`(tidegate_\w+)`/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !reference.includes(`\`${name}\``))).toEqual([]);
  });
});
