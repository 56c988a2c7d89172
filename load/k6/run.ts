/**
 * Runs one of k6's scenarios against a server that it starts, and leaves a summary as text, JSON and
 * a page. Ends with 1 when a threshold is crossed. `--help` says all.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Arguments } from "../arguments.ts";
import { commit, machine } from "../machine.ts";
import { type Plan, planOf } from "./lib/plan.ts";
import { isScenarioName, SCENARIOS, type ScenarioName } from "./lib/scenarios.ts";
import { commandFault } from "./runner/command.ts";
import { ensureK6, K6_VERSION } from "./runner/install.ts";
import { runK6 } from "./runner/k6-run.ts";
import { resultPage } from "./runner/page.ts";
import type { RunResult } from "./runner/result.ts";
import { openTarget } from "./runner/target.ts";
import { pointText, resultText } from "./runner/text.ts";
import { judge } from "./runner/verdict.ts";

/** Postgres, Redis and above all Kafka's JVM are at their speed only after a while. */
const CLUSTER_WARM_UP_SECONDS = 20;
const ROOT = dirname(dirname(import.meta.dir));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const args = new Arguments();
const name = args.names[0];
if (args.has("help") || name === undefined) {
  process.stdout.write(`${usage()}\n`);
  process.exit(args.has("help") ? 0 : 2);
}
if (!isScenarioName(name)) {
  say(`there is no scenario ${name}\n\n${usage()}`);
  process.exit(2);
}
const fault = commandFault(args);
if (fault !== undefined) {
  say(`${fault}\n\n${usage()}`);
  process.exit(2);
}
try {
  const passed = await run(name);
  process.exit(passed ? 0 : 1);
} catch (error) {
  say(`tidegate: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}

async function run(scenario: ScenarioName): Promise<boolean> {
  const plan = planFrom(scenario);
  const k6 = await ensureK6(say);
  await using target = await openTarget(args, say);
  say(`${plan.title}: ${length(plan)} at ${target.name} …`);
  const startedAt = new Date().toISOString();
  const { exitCode, summary, timeline } = await runK6({
    k6,
    plan,
    environment: target.environment,
    cpuSeconds: () => target.cpuSeconds(),
    onSecond: (soFar) => {
      const latest = soFar.latest(plan.vus);
      if (latest !== undefined) say(pointText(latest));
    },
    onLine: say,
  });
  const measured = timeline.measured();
  const result: RunResult = {
    plan,
    short: args.has("short"),
    target: target.name,
    startedAt,
    commit: commit(),
    k6: K6_VERSION,
    machine: machine(),
    measured,
    verdict: judge(plan, summary, measured, exitCode),
    points: timeline.points(),
  };
  process.stdout.write(`${resultText(result)}\n`);
  say(`\nsaved: ${save(result)}`);
  return result.verdict.passed;
}

function planFrom(scenario: ScenarioName): Plan {
  const optional = (option: string): number | undefined =>
    args.has(option) ? args.number(option, 0) : undefined;
  return planOf(scenario, {
    short: args.has("short"),
    rate: optional("rate"),
    seconds: optional("seconds"),
    vus: optional("vus"),
    warmUp: optional("warm-up") ?? (args.has("cluster") ? CLUSTER_WARM_UP_SECONDS : undefined),
  });
}

/** @returns the page's path */
function save(result: RunResult): string {
  const folder = args.text("out") ?? join(ROOT, "load", "k6", "results");
  mkdirSync(folder, { recursive: true });
  const stamp = result.startedAt.replaceAll(/[-:]|\..*$/g, "");
  const path = join(folder, `${result.plan.name}-${stamp}`);
  writeFileSync(`${path}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
  writeFileSync(`${path}.html`, resultPage(result));
  return `${path}.html`;
}

function length({ seconds, warmUp }: Plan): string {
  const text = seconds >= 120 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds)} s`;
  return `${text} after ${Math.round(warmUp)} s of warm-up`;
}

function usage(): string {
  const names = Object.entries(SCENARIOS).map(([one, { title }]) => `  ${one.padEnd(14)} ${title}`);
  return `bun run load:<scenario> [options]

${names.join("\n")}

Where
  (nothing)            starts a standalone server with an empty data folder
  --cluster            starts Kafka, Redis, Postgres, a gateway and a consumers process
  --url=<url>          goes to a gateway that is there: http(s)://host:port, with
    --token-secret=<k>     its HS256 key in base64url (or TOKEN_SECRET in the environment)
    --token-key-id=<kid>   --token-issuer=<iss>   --token-audience=<aud>   --tenant=<name>
How
  --short              half a minute to a minute instead of the whole length
  --rate=<n>           highest rate in messages a second; lower stages keep their share
  --seconds=<n>        length without the warm-up
  --vus=<n>            virtual users, each with sockets and conversations of its own
  --warm-up=<n>        seconds before anything is timed (5; with --cluster 20)
  --out=<folder>       where JSON and HTML go (load/k6/results)
Examples
  bun run load:peak --short
  bun run load:normal --cluster --rate=2000 --seconds=60
  bun run load:http --short --url=https://chat.example.com --token-secret=<k>

Ends with 1 when a threshold is crossed; tighter goals are only reported.`;
}
