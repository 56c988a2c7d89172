/**
 * The complete check: formatting, lint, types, unused code, spelling, generated documents, then
 * every suite of tests. Prints each step with its time, the output of those that failed, and as
 * the last line `N passed, N failed`. Ends with 1 when anything failed.
 *
 * `bun run test -- --only unit,lint` runs a part. With `CI=true` a skipped test counts as failed.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkOutcome, closingLine, suiteOutcome } from "./check/outcome.ts";
import type { Outcome } from "./check/outcome.ts";
import { CHECKS, selection, SUITES } from "./check/plan.ts";
import type { Check, Suite } from "./check/plan.ts";
import { run } from "./check/run.ts";
import { ensureSystemPackage } from "./check/system-package.ts";
import { holdServices } from "./services/hold.ts";
import type { Held } from "./services/hold.ts";

const CHECK_DEADLINE_MS = 120_000;
/** No run takes longer than this: what is left of it is the deadline of each further step. */
const RUN_DEADLINE_MS = 1_620_000;
const root = dirname(import.meta.dir);
const strict = process.env["CI"] === "true";
const say = (line: string): void => void process.stdout.write(`${line}\n`);

process.chdir(root);
const outcomes: Outcome[] = [];
let held: Held | Error | undefined;
try {
  const only = selection(process.argv.slice(2));
  for (const check of CHECKS) {
    if (only === undefined || only.has("checks") || only.has(check.name)) {
      outcomes.push(await runCheck(check));
    }
  }
  for (const suite of SUITES) {
    const isWanted = only === undefined ? hasTests(suite) : only.has(suite.name);
    if (isWanted) outcomes.push(...(await runSuite(suite)));
  }
} catch (error) {
  say(`tidegate: ${error instanceof Error ? error.message : String(error)}`);
  outcomes.push({ passed: 0, failed: 1, skipped: 0 });
}
if (held !== undefined && !(held instanceof Error)) await held.release();
say(closingLine(outcomes));
process.exit(outcomes.some((outcome) => outcome.failed > 0) ? 1 : 0);

async function runCheck({ name, args }: Check): Promise<Outcome> {
  const ended = await run([process.execPath, ...args], {
    deadlineMs: deadline(CHECK_DEADLINE_MS),
    onProgress: (seconds) => say(`       … ${name} (${seconds.toFixed(0)} s)`),
  });
  const outcome = checkOutcome(ended);
  report(name, outcome, ended, outcome.failed === 0 ? "" : "see above");
  return outcome;
}

async function runSuite(suite: Suite): Promise<Outcome[]> {
  const before: Outcome[] = [];
  for (const wanted of suite.needs) {
    const fault = await ensureSystemPackage(wanted, say);
    const outcome = checkOutcome({ exitCode: fault === undefined ? 0 : 1, output: "" });
    if (fault !== undefined) say(`failed ${suite.name} needs a program: ${fault}`);
    before.push(outcome);
  }
  if (suite.services && held === undefined) before.push(await startServices());
  const timeout = `--timeout=${suite.timeoutMs}`;
  const ended = await run(
    [process.execPath, "test", "--no-orphans", "--only-failures", timeout, `./${suite.path}`],
    {
      env: suite.services ? serviceEnvironment() : {},
      deadlineMs: deadline(suite.deadlineMs),
      onProgress: (seconds) => say(`       … ${suite.name} (${seconds.toFixed(0)} s)`),
    },
  );
  const outcome = suiteOutcome(ended, strict);
  const skipped = outcome.skipped === 0 ? "" : `, ${outcome.skipped} skipped`;
  report(suite.name, outcome, ended, `${outcome.passed} of ${total(outcome)} tests${skipped}`);
  return [...before, outcome];
}

/** Once for all suites; those that need a service of their own start it themselves. */
async function startServices(): Promise<Outcome> {
  const started = performance.now();
  held = await holdServices([], "attached");
  const isUp = !(held instanceof Error);
  if (held instanceof Error) say(held.message);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`${isUp ? "ok    " : "failed"} ${"services".padEnd(13)} ${seconds.padStart(6)} s`);
  return checkOutcome({ exitCode: isUp ? 0 : 1, output: "" });
}

/** The names are not those of the product: a test must never find a production Kafka. */
function serviceEnvironment(): Record<string, string> {
  if (held === undefined || held instanceof Error) return {};
  const { KAFKA_BROKERS = "", REDIS_URL = "", DATABASE_URL = "" } = held.services.settings;
  return {
    TIDEGATE_TEST_KAFKA: KAFKA_BROKERS,
    TIDEGATE_TEST_REDIS: REDIS_URL,
    TIDEGATE_TEST_POSTGRES: DATABASE_URL,
  };
}

function report(
  name: string,
  outcome: Outcome,
  ended: { output: string; seconds: number },
  note: string,
): void {
  const isGreen = outcome.failed === 0;
  if (!isGreen) say(ended.output.trimEnd());
  const word = isGreen ? "ok    " : "failed";
  say(`${word} ${name.padEnd(13)} ${ended.seconds.toFixed(1).padStart(6)} s  ${note}`.trimEnd());
}

function deadline(stepMs: number): number {
  return Math.max(1, Math.min(stepMs, RUN_DEADLINE_MS - performance.now()));
}

function total({ passed, failed, skipped }: Outcome): number {
  return strict ? passed + failed : passed + failed + skipped;
}

function hasTests({ path }: Suite): boolean {
  if (path.endsWith(".ts")) return existsSync(join(root, path));
  if (!existsSync(join(root, path))) return false;
  return !new Bun.Glob("**/*.test.ts").scanSync({ cwd: join(root, path) }).next().done;
}
