import { createPrometheusTelemetry } from "../src/adapters/prometheus/telemetry.ts";
import { ConfigError } from "../src/config-read.ts";
import { AppError } from "../src/errors.ts";
import { systemBasics } from "./cluster/open.ts";
import { openClusterLetters } from "./dead-letters/cluster-side.ts";
import { DEAD_LETTERS_HELP, deadLettersCommand } from "./dead-letters/command.ts";
import { remoteDeadLetters } from "./dead-letters/remote.ts";
import { explainConfig, UsageError } from "./program.ts";
import { readClusterSettings } from "./settings.ts";

const TIMEOUT_MS = 30_000;

/** `bun run tidegate dead-letters`: what could not be processed. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    process.stdout.write(DEAD_LETTERS_HELP);
    return args.length === 0 ? 2 : 0;
  }
  // Read first: a wrong command line needs no services to be told.
  const { url, run } = deadLettersCommand(args);
  const print = (text: string): void => void process.stdout.write(text);
  if (url !== undefined) {
    const adminKey = process.env["TIDEGATE_ADMIN_KEY"];
    if (adminKey === undefined || adminKey === "")
      throw new UsageError("TIDEGATE_ADMIN_KEY is missing; --url needs the gateway's admin key");
    const letters = remoteDeadLetters({ url, adminKey, timeoutMs: TIMEOUT_MS });
    return (await run(letters, print)) ? 0 : 1;
  }
  const config = await readClusterSettings(process.env, "tool");
  const basics = systemBasics();
  const write = (line: string): void => void process.stderr.write(line);
  const { limits } = config;
  const telemetry = createPrometheusTelemetry({ ...basics, limits, level: "error", write });
  try {
    await using side = await openClusterLetters(config, { ...basics, telemetry });
    return (await run(side.letters, print)) ? 0 : 1;
  } finally {
    telemetry.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError)
    return `${explainConfig(error)}\nOf a standalone process, ask with --url.`;
  if (error instanceof UsageError)
    return `${error.message}\nSee bun run tidegate dead-letters --help.`;
  if (!(error instanceof AppError)) return `dead-letters: ${String(error)}`;
  const cause = error.code === "internal" && error.cause instanceof Error ? error.cause : error;
  const look =
    error.code === "unauthenticated" ? ": set TIDEGATE_ADMIN_KEY as the gateway has it" : "";
  return `dead-letters: ${cause.message}${look}`;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
