import { constants } from "node:os";
import { ConfigError } from "../src/config-read.ts";

/** A program that is up. */
export interface Running {
  /** Time that stopping may take, in ms. */
  readonly drainMs: number;
  /** Rejects when it cannot go on. */
  readonly failed?: Promise<never>;
  stop(): Promise<void>;
  /** The part that is being ended. */
  stopsAt(): string | undefined;
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
 * stop, 1 for what went wrong and is said on stderr, 2 for a command line that is not understood.
 */
export async function runProgram(options: ProgramOptions): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(options.help);
    process.exit(0);
  }
  let running: Running | undefined;
  let isStopping = false;
  // Before it starts: whoever hears that it is up may stop it at once.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      if (running === undefined) process.exit(128 + constants.signals[signal]);
      isStopping = true;
      void stop(running);
    });
  try {
    running = await options.start(args);
    await running.failed;
  } catch (error) {
    // What was still coming up when it was told to stop is not why it ends.
    if (isStopping) return;
    process.stderr.write(`${explain(error, options)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

async function stop(running: Running): Promise<void> {
  const { drainMs } = running;
  setTimeout(() => {
    process.stderr.write(`stopping took ${drainMs} ms: it waits for ${running.stopsAt()}\n`);
    process.exit(1);
  }, drainMs);
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
