import { createPrometheusTelemetry } from "../../src/adapters/prometheus/telemetry.ts";
import { ConfigError } from "../../src/config-read.ts";
import { parseConfig } from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";
import { systemBasics } from "../cluster/open.ts";
import { explainConfig, UsageError } from "../program.ts";
import { readClusterSettings } from "../settings.ts";
import { openClusterSide } from "./cluster-side.ts";
import { TRANSFER_HELP, transferCommand } from "./command.ts";
import { Progress } from "./progress.ts";
import { openStandaloneSide } from "./standalone-side.ts";

type Verb = "export" | "import";

/** Runs `bun run tidegate export` or `import` to its end, and exits. */
export async function transfer(verb: Verb): Promise<never> {
  try {
    process.exit(await main(verb));
  } catch (error) {
    process.stderr.write(`${explain(verb, error)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function main(verb: Verb): Promise<number> {
  const args = process.argv.slice(2);
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    process.stdout.write(TRANSFER_HELP);
    return args.length === 0 ? 2 : 0;
  }
  const { where, prepare } = transferCommand(verb, args);
  const isCluster = where === "cluster";
  const cluster = isCluster ? await readClusterSettings(process.env, "tool") : undefined;
  const config = cluster ?? parseConfig(process.env);
  const run = await prepare();
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

function explain(verb: Verb, error: unknown): string {
  if (error instanceof ConfigError) return explainConfig(error);
  if (error instanceof UsageError) return `${error.message}\nSee bun run tidegate ${verb} --help.`;
  if (!(error instanceof AppError))
    return `${verb}: ${error instanceof Error ? error.message : String(error)}`;
  const cause = error.code === "internal" && error.cause instanceof Error ? error.cause : error;
  // Both sides and their stores say so, each where it finds it.
  const isTaken = cause.message.endsWith("has messages already");
  const step = ": a tenant that comes must have none; name the others with --tenant";
  return `${verb}: ${cause.message}${isTaken ? step : ""}`;
}
