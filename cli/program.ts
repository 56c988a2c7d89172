import { ConfigError } from "../src/config-read.ts";

/** A program that is up. */
export interface Running {
  /** Time that stopping may take, in ms. */
  readonly drainMs: number;
  /** Rejects when it cannot go on. */
  readonly failed?: Promise<never>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  readonly help: string;
  /** Arguments that start it, checked; undefined when they are not understood. */
  start(args: readonly string[]): Promise<Running>;
  /** What the operator can do about an error, as ". Do this". */
  nextStep?(error: unknown): string;
}

/** What is wrong with the command line, for whoever typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/**
 * Runs a program until SIGTERM or SIGINT, then stops it within its time. Exit codes: 0 after a clean
 * stop, 1 for what went wrong, 2 for a command line that is not understood.
 */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(options.help);
    process.exit(0);
  }
  try {
    const running = await options.start(args);
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => void stop(running));
    await running.failed;
  } catch (error) {
    process.stderr.write(`${explain(error, options)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function stop(running: Running): Promise<void> {
  setTimeout(() => process.exit(1), running.drainMs);
  try {
    await running.stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`stopping failed: ${String(error)}\n`);
    process.exit(1);
  }
}

/** One line, or one for each setting that is wrong. */
function explain(error: unknown, options: ProgramOptions): string {
  if (error instanceof ConfigError) return explainConfig(error);
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return `${message}\n\n${options.help.trimEnd()}`;
  return `Tidegate cannot start: ${message}${options.nextStep?.(error) ?? ""}`;
}

export function explainConfig(error: ConfigError): string {
  const lines = error.faults.map(({ name, fault }) => `  ${name} ${fault}`);
  return `The settings are not valid:\n${lines.join("\n")}\nSee docs/reference/config.md.`;
}
