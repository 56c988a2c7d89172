/**
 * Has k6 itself read every script as every scenario, which finds what types and tests without it
 * cannot: what k6's runtime lacks, and options that it does not take.
 *
 *     bun load/k6/check.ts
 */
import { join } from "node:path";
import { z } from "zod";
import { SCENARIOS } from "./lib/scenarios.ts";
import { thresholdsOf } from "./lib/thresholds.ts";
import { ensureK6 } from "./runner/install.ts";

const inspectedSchema = z.object({
  scenarios: z.record(z.string(), z.object({ exec: z.literal("run") })),
  thresholds: z.record(z.string(), z.array(z.string())),
});

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const k6 = await ensureK6(say);
for (const [name, { kind }] of Object.entries(SCENARIOS)) {
  const fault = faultOf(name, join(import.meta.dir, `${kind}.ts`), thresholdsOf(kind));
  if (fault !== undefined) process.exitCode = 1;
  say(
    `${fault === undefined ? "ok    " : "failed"} ${name}${fault === undefined ? "" : `: ${fault}`}`,
  );
}

function faultOf(name: string, script: string, thresholds: object): string | undefined {
  const child = Bun.spawnSync([k6, "inspect", "--include-system-env-vars", script], {
    env: { ...process.env, SCENARIO: name, K6_NO_USAGE_REPORT: "true" },
  });
  if (!child.success) return child.stderr.toString();
  const inspected = inspectedSchema.safeParse(JSON.parse(child.stdout.toString()));
  if (!inspected.success) return z.prettifyError(inspected.error);
  if (inspected.data.scenarios[name] === undefined) return "k6 knows no such scenario of it";
  const known = JSON.stringify(sorted(inspected.data.thresholds));
  return known === JSON.stringify(sorted(thresholds))
    ? undefined
    : `k6 has the thresholds ${known}`;
}

function sorted(rules: object): unknown {
  return Object.entries(rules).toSorted(([a], [b]) => a.localeCompare(b));
}
