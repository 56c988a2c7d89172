import { createPrometheusTelemetry } from "../src/adapters/prometheus/telemetry.ts";
import { parseClusterConfig } from "../src/config-cluster.ts";
import { ConfigError } from "../src/config-read.ts";
import { parseConfig } from "../src/config.ts";
import { AppError } from "../src/errors.ts";
import { systemBasics } from "./cluster/open.ts";
import { explainConfig, UsageError } from "./program.ts";
import { openClusterSide } from "./transfer/cluster-side.ts";
import { TIDEGATE_HELP, transferCommand } from "./transfer/command.ts";
import { Progress } from "./transfer/progress.ts";
import { openStandaloneSide } from "./transfer/standalone-side.ts";

/** `bun run tidegate`: what concerns a whole Tidegate, standalone or cluster. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    process.stdout.write(TIDEGATE_HELP);
    return args.length === 0 ? 2 : 0;
  }
  const { verb, where, run } = transferCommand(args);
  const isCluster = where === "cluster";
  const cluster = isCluster ? parseClusterConfig(process.env, "tool") : undefined;
  const config = cluster ?? parseConfig(process.env);
  const { clock, random } = systemBasics();
  const write = (line: string): void => void process.stderr.write(line);
  const telemetry = createPrometheusTelemetry({
    clock,
    limits: config.limits,
    level: "error",
    write,
  });
  const basics = { clock, random, telemetry };
  try {
    await using side =
      cluster === undefined
        ? await openStandaloneSide(config, basics, verb === "export")
        : await openClusterSide(cluster, basics);
    await run(side, new Progress(write, () => clock.monotonic()), (line) => {
      process.stdout.write(line);
    });
    return 0;
  } finally {
    telemetry.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return explainConfig(error);
  if (error instanceof UsageError) return `${error.message}\nSee bun run tidegate --help.`;
  if (!(error instanceof AppError)) return `tidegate: ${String(error)}`;
  const cause = error.code === "internal" && error.cause instanceof Error ? error.cause : error;
  return `tidegate: ${cause.message}`;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
