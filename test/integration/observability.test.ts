import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../scripts/check/run.ts";
import { DASHBOARDS } from "../../scripts/dashboards.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { sampleOf } from "../support/exposition.ts";
import { GatewayProgram } from "../support/gateway/gateway-program.ts";
import { until } from "../support/gateway/until.ts";
import { ALERT_CASES } from "../support/observability/alert-cases.ts";
import { DEPLOY, readRules, selectorsOf } from "../support/observability/deploy-files.ts";
import { ruleTests } from "../support/observability/rule-tests.ts";
import { ensureProgram } from "../support/services/apt.ts";
import { createTempFolder } from "../support/temp-folder.ts";

setDefaultTimeout(60_000);

const INSTALL_MS = 300_000;
const ADMIN_KEY = "an-admin-key-of-the-tests";
const RULES = join(DEPLOY, "prometheus/rules");

let promtool: string;
let amtool: string;
let folder: ReturnType<typeof createTempFolder>;

beforeAll(async () => {
  promtool = await ensureProgram({ command: "promtool", package: "prometheus" });
  amtool = await ensureProgram({ command: "amtool", package: "prometheus-alertmanager" });
  folder = createTempFolder();
}, INSTALL_MS);

afterAll(() => folder[Symbol.dispose]());

async function tool(...command: readonly string[]): Promise<{ code: number; output: string }> {
  const options = { deadlineMs: 30_000, onProgress: () => {} };
  const { exitCode, output } = await run(command, options);
  return { code: exitCode, output };
}

describe("what Prometheus and Alertmanager are given", () => {
  test("is taken by promtool and amtool", async () => {
    const rules = ["tidegate", "external"].map((name) => join(RULES, `${name}.yml`));
    const config = join(DEPLOY, "prometheus/prometheus.yml");
    const checks = [
      [promtool, "check", "rules", ...rules],
      [promtool, "check", "config", "--syntax-only", config],
      [amtool, "check-config", join(DEPLOY, "alertmanager/alertmanager.yml")],
    ];
    for (const command of checks) {
      const { code, output } = await tool(...command);
      expect(`${command.join(" ")}: ${code}\n${output}`).toContain(": 0\n");
      expect(output).toContain("SUCCESS");
      expect(output).not.toContain("FAILED");
    }
  });

  test("has panels whose queries Prometheus understands", async () => {
    const exprs = DASHBOARDS.flatMap(({ rows }) =>
      rows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.map(([expr]) => expr))),
    );
    // promtool reads expressions as rules, and Grafana puts values in the place of its variables.
    const rules = exprs.map((expr, i) => ({
      record: `panels:query${i}`,
      expr: expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"),
    }));
    const path = join(folder.path, "panels.json");
    await Bun.write(path, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { code, output } = await tool(promtool, "check", "rules", path);
    expect(output).toContain(`SUCCESS: ${exprs.length} rules found`);
    expect(code).toBe(0);
  });

  test("sends critical alerts to PagerDuty, warnings by mail, and all of them to Slack", async () => {
    const config = `--config.file=${join(DEPLOY, "alertmanager/alertmanager.yml")}`;
    for (const [severity, receivers] of [
      ["critical", "pagerduty,mail,slack"],
      ["warning", "mail,slack"],
      ["info", "slack"],
    ] as const) {
      const routes = [amtool, "config", "routes", "test", config, `severity=${severity}`];
      expect((await tool(...routes)).output.trim().split("\n")).toContain(receivers);
    }
  });

  test("fires each alert beyond its threshold, and at the threshold not", async () => {
    const path = join(folder.path, "rules.test.json");
    const rules = ["tidegate", "external"].map((name) => join(RULES, `${name}.yml`));
    await Bun.write(path, ruleTests(rules, ALERT_CASES));
    const { code, output } = await tool(promtool, "test", "rules", path);
    expect(output.trim()).toEndWith("SUCCESS");
    expect(code).toBe(0);
  });

  test("has a case for each severity of each alert", async () => {
    const rules = [...(await readRules("tidegate")), ...(await readRules("external"))];
    const wanted = rules.map(({ alert, labels }) => `${alert} ${labels.severity}`);
    const tried = ALERT_CASES.flatMap(({ alert, fires }) =>
      fires.flatMap(([severities]) => severities.map((severity) => `${alert} ${severity}`)),
    );
    expect(new Set(tried)).toEqual(new Set(wanted));
    expect(new Set(wanted).size).toBe(wanted.length);
  });
});

test("every series that a panel or a rule names is scraped from a running system", async () => {
  await using standalone = await GatewayProgram.start({
    folder: folder.path,
    settings: { TIDEGATE_ADMIN_KEY: ADMIN_KEY },
  });
  await using cluster = await TestCluster.create();
  const settings = { TIDEGATE_ADMIN_KEY: ADMIN_KEY };
  const [gateway, consumers, tenant] = await Promise.all([
    cluster.startGateway(settings),
    cluster.startConsumers([]),
    cluster.addTenant("seen"),
  ]);
  const client = cluster.client(gateway.url, tenant.name, "ana");
  const text = async (url: string, path = "/metrics"): Promise<string> => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const response = await fetch(`${url}${path}`, { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.text();
  };
  const events = client.subscribe("general", { tail: 10 }).events();
  const reading = events[Symbol.asyncIterator]().next();
  await client.send("general", { text: "seen" }).receipt;
  await reading;
  const COUNT = "tidegate_message_latency_seconds_count";
  for (const [url, stages] of [
    [gateway.url, ["appended", "published", "written"]],
    [consumers.url, ["sequenced", "stored"]],
  ] as const)
    for (const stage of stages)
      await until(
        `${stage} was measured`,
        async () => sampleOf(await text(url), COUNT, { stage }) === 1,
      );
  // The watches look for themselves.
  await until("the watches have looked", async () => {
    const scraped = await text(consumers.url);
    return (
      /^tidegate_kafka_disk_used_ratio/m.test(scraped) &&
      /^tidegate_pool_partition_lag_records/m.test(scraped)
    );
  });
  const scrapes = await Promise.all([
    text(standalone.url),
    text(gateway.url),
    text(consumers.url),
    text(gateway.url, "/metrics/tenants"),
  ]);

  const [, , pools, tenants] = scrapes;
  expect(sampleOf(pools, "tidegate_pool_lag_records", { pool: "delivery" })).toBe(0);
  expect(sampleOf(pools, "tidegate_kafka_partitions_under_replicated")).toBe(0);
  expect(sampleOf(tenants, "tidegate_tenant_sends_total", { tenant: tenant.name })).toBe(1);
  expect(sampleOf(tenants, "tidegate_tenant_delivered_total", { tenant: tenant.name })).toBe(1);

  for (const scraped of scrapes) {
    const path = join(folder.path, "scraped.txt");
    await Bun.write(path, scraped);
    const { output } = await tool("/bin/sh", "-c", `"${promtool}" check metrics < "${path}"`);
    expect(output.trim()).toBe("");
  }
  const reference = await Bun.file(join(DEPLOY, "../docs/reference/metrics.md")).text();
  for (const [process, scraped] of Object.entries({
    standalone: scrapes[0],
    gateway: scrapes[1],
    consumers: scrapes[2],
  })) {
    const told = [...scraped.matchAll(/^# TYPE (\w+) /gm)].map(([, name = ""]) => name);
    const listed = (name: string): boolean =>
      new RegExp(`^\\| \`${name}\` \\| \\w+ \\| (?:all|[^|]*${process}[^|]*) \\|`, "m").test(
        reference,
      );
    expect(told.filter((name) => !listed(name))).toEqual([]);
  }
  // Prometheus makes these itself.
  const lines = [...scrapes.join("\n").split("\n"), 'up{job="tidegate-gateway"} 1'];
  const isThere = (metric: string, labels: Readonly<Record<string, string>>): boolean =>
    lines.some(
      (line) =>
        (line.startsWith(`${metric}{`) || line.startsWith(`${metric} `)) &&
        Object.entries(labels).every(([name, value]) => line.includes(`${name}="${value}"`)),
    );
  const exprs = [
    ...(await readRules("tidegate")).map(({ expr }) => expr),
    ...DASHBOARDS.flatMap(({ rows, instancesOf }) => [
      instancesOf,
      ...rows.flatMap(({ panels }) =>
        panels.flatMap(({ queries }) => queries.map(([expr]) => expr)),
      ),
    ]),
  ];
  const selectors = exprs.flatMap(selectorsOf);
  expect(selectors.length).toBeGreaterThan(150);
  const missing = selectors
    .filter(({ metric, labels }) => !isThere(metric, labels))
    .map(({ metric, labels }) => `${metric} ${JSON.stringify(labels)}`);
  expect([...new Set(missing)]).toEqual([]);
});
