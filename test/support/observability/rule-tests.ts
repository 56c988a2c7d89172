import type { AlertCase, Scraped } from "./alert-cases.ts";

const RUNBOOKS = "https://runbooks.example.com/tidegate/runbook.md";
const SEVERITIES = ["info", "warning", "critical"];
const END = "16m";

/** What one alert does with what is scraped. */
interface Trial {
  readonly alert: string;
  readonly scraped: Scraped;
  readonly severities: readonly string[];
}

/** A file for `promtool test rules`: which severities of each alert fire at the end of each case. */
export function ruleTests(ruleFiles: readonly string[], cases: readonly AlertCase[]): string {
  const trials = cases.flatMap(({ alert, quiet, fires }): Trial[] => [
    { alert, scraped: quiet, severities: [] },
    ...fires.map(([severities, scraped]) => ({ alert, scraped, severities })),
  ]);
  // JSON is YAML.
  return JSON.stringify({
    rule_files: ruleFiles,
    evaluation_interval: "15s",
    tests: [...pack(trials).map(ruleTest), wholeAlert()],
  });
}

/** Trials whose metrics are different ones go together: all rules are evaluated for each test. */
function pack(trials: readonly Trial[]): readonly (readonly Trial[])[] {
  const packs: { readonly metrics: Set<string>; readonly trials: Trial[] }[] = [];
  for (const trial of trials) {
    const metrics = Object.keys(trial.scraped).map((series) => series.replace(/\{.*/, ""));
    let found = packs.find((one) => metrics.every((metric) => !one.metrics.has(metric)));
    if (found === undefined) packs.push((found = { metrics: new Set(), trials: [] }));
    for (const metric of metrics) found.metrics.add(metric);
    found.trials.push(trial);
  }
  return packs.map((one) => one.trials);
}

function ruleTest(trials: readonly Trial[]): object {
  return {
    interval: "15s",
    input_series: trials.flatMap(({ scraped }) => seriesOf(scraped)),
    promql_expr_test: trials.flatMap(({ alert, severities }) =>
      SEVERITIES.map((severity) => ({
        expr: `count(ALERTS{alertname="${alert}",severity="${severity}",alertstate="firing"})`,
        eval_time: END,
        exp_samples: severities.includes(severity) ? [{ labels: "{}", value: 1 }] : [],
      })),
    ),
  };
}

/** One alert to the letter: texts are rendered, and it leads to its section. */
function wholeAlert(): object {
  return {
    name: "an alert says what is wrong and leads to its section of the runbook",
    interval: "15s",
    external_labels: { runbooks: RUNBOOKS },
    input_series: seriesOf({ 'tidegate_pool_lag_records{pool="delivery"}': "12345+0x40" }),
    alert_rule_test: [
      {
        eval_time: "45s",
        alertname: "TidegateLagRecords",
        exp_alerts: [],
      },
      {
        eval_time: "2m",
        alertname: "TidegateLagRecords",
        exp_alerts: [
          {
            exp_labels: { severity: "warning", subject: "lag_records", pool: "delivery" },
            exp_annotations: {
              summary: "12.35k records wait for the delivery pool",
              description: "Readers get new messages late: the pool works off less than is sent.",
              runbook_url: `${RUNBOOKS}#tidegatelagrecords`,
            },
          },
        ],
      },
    ],
  };
}

function seriesOf(scraped: Scraped): readonly object[] {
  return Object.entries(scraped).map(([series, values]) => ({ series, values }));
}
