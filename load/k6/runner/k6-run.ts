import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { cpuTimes, machineSeconds } from "../../process-usage.ts";
import type { Plan } from "../lib/plan.ts";
import { SECOND_MARK, type SecondLine } from "../lib/second.ts";
import { K6_ENVIRONMENT } from "./install.ts";
import { Timeline } from "./timeline.ts";
import { type K6Summary, parseSummary } from "./verdict.ts";

const SCRIPTS = dirname(import.meta.dir);
const READING_MS = 1_000;
const SIGNALS = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const;

export interface K6RunOptions {
  /** The program. */
  readonly k6: string;
  readonly plan: Plan;
  readonly environment: Readonly<Record<string, string>>;
  /** CPU seconds of the system under load. */
  cpuSeconds(): Record<string, number>;
  /** Called once a second. */
  onSecond(timeline: Timeline): void;
  /** What k6 and its script have to say. */
  onLine(line: string): void;
}

export interface K6Run {
  /** 99 when a threshold was crossed. */
  readonly exitCode: number;
  /** Undefined when k6 broke off before it wrote one. */
  readonly summary: K6Summary | undefined;
  readonly timeline: Timeline;
}

/** Runs a scenario's script to its end. k6 does not outlive this process. */
export async function runK6(options: K6RunOptions): Promise<K6Run> {
  const { k6, plan } = options;
  const folder = mkdtempSync(join(tmpdir(), "tidegate-k6-"));
  const summaryPath = join(folder, "summary.json");
  const child = Bun.spawn(
    [
      k6,
      "run",
      "--quiet",
      "--no-usage-report",
      // No API of its own: its port is the same for all runs on a machine.
      "--address=",
      "--log-format=raw",
      `--summary-export=${summaryPath}`,
      join(SCRIPTS, `${plan.kind}.ts`),
    ],
    {
      env: { ...process.env, ...K6_ENVIRONMENT, ...planEnvironment(plan), ...options.environment },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const kill = (): void => child.kill("SIGKILL");
  process.once("exit", kill);
  for (const [signal, code] of SIGNALS) process.once(signal, () => process.exit(code));
  const timeline = new Timeline();
  const read = (): void => readCpu(child, options, timeline);
  read();
  const timer = setInterval(() => {
    read();
    options.onSecond(timeline);
  }, READING_MS);
  try {
    await readLines(child.stderr, (line) => {
      if (line.startsWith(SECOND_MARK)) {
        timeline.add(JSON.parse(line.slice(SECOND_MARK.length)) as SecondLine);
      } else if (line !== "") options.onLine(line);
    });
    const exitCode = await child.exited;
    return { exitCode, summary: await summaryIn(summaryPath), timeline };
  } finally {
    clearInterval(timer);
    kill();
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The script makes the same plan of it. */
function planEnvironment(plan: Plan): Record<string, string> {
  return {
    SCENARIO: plan.name,
    RATE: String(plan.peakRate),
    SECONDS: String(plan.seconds),
    WARM_UP: String(plan.warmUp),
    VUS: String(plan.vus),
  };
}

function readCpu(child: Subprocess, options: K6RunOptions, timeline: Timeline): void {
  try {
    const known = { k6: cpuTimes(child.pid).total, ...options.cpuSeconds() };
    const others = machineSeconds() - Object.values(known).reduce((sum, used) => sum + used, 0);
    const seconds = { ...known, others };
    timeline.addCpu({ at: Date.now(), seconds });
  } catch (error) {
    // A process has ended since, or the system is not one that has /proc.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

async function summaryIn(path: string): Promise<K6Summary | undefined> {
  try {
    return parseSummary(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  }
  if (rest !== "") take(rest);
}
