import { join } from "node:path";
import { within } from "../native/within.ts";
import { type Figures, isQuiet, record, stamped } from "../result.ts";
import { FAULT_NAMES, faultCount, runLoad } from "./load.ts";
import { joinRounds } from "./rounds.ts";
import type { Row } from "./rows.ts";
import { openStage, type Stage, type StageName, type StageOptions, stageSeconds } from "./stage.ts";

/** Beyond three times what it takes; the settling of an overloaded server is in it. */
const ROW_SECONDS_MAX = 180;

export interface RunnerOptions extends StageOptions {
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly isRecorded: boolean;
}

/** Runs rows in rounds: each round runs all of them once, so that a slow minute meets all alike. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #quiet = new Map<Row, Figures[]>();
  #secondsLeft = 0;
  readonly failed = new Set<string>();
  /** Whether any figures went to the file. */
  hasRecorded = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    for (let round = 1; round <= options.rounds; round++) {
      for (const { stage, rows } of this.#groups(round))
        this.#secondsLeft +=
          (stage === undefined ? 0 : stageSeconds(stage, options)) +
          rows.reduce((sum, row) => sum + this.#secondsOf(row), 0);
    }
  }

  /** Of the whole run, about. */
  get seconds(): number {
    return this.#secondsLeft;
  }

  async run(): Promise<void> {
    const { rounds } = this.#options;
    for (let round = 1; round <= rounds; round++) {
      for (const { stage, rows } of this.#groups(round)) {
        if (stage === undefined) for (const row of rows) await this.#try(row, round, undefined);
        else await this.#onStage(stage, rows, round);
      }
    }
  }

  async #onStage(name: StageName, rows: readonly Row[], round: number): Promise<void> {
    this.#say(`${name}: starting and warming up`);
    try {
      await using stage = await openStage(name, this.#options);
      this.#secondsLeft -= stageSeconds(name, this.#options);
      for (const row of rows) await this.#try(row, round, stage);
    } catch (error) {
      for (const row of rows) this.#fail(row, error);
    }
  }

  /** One row that fails is no reason to lose the others of an hour. */
  async #try(row: Row, round: number, stage: Stage | undefined): Promise<void> {
    const { rounds } = this.#options;
    this.#say(`${row.name}, round ${round} of ${rounds}`);
    const seconds = this.#secondsOf(row);
    try {
      // What hangs must not take the rows after it along.
      const most = ROW_SECONDS_MAX + 3 * row.seconds;
      const late = (): string => `did not end in ${minutes(most)}`;
      const figures = await within(most * 1000, this.#runOne(row, stage), late);
      if (figures !== undefined) this.#take(row, figures);
    } catch (error) {
      this.#fail(row, error);
    }
    this.#secondsLeft -= seconds;
  }

  async #runOne(row: Row, stage: Stage | undefined): Promise<Figures | undefined> {
    if (row.kind === "own") return row.run(this.#options);
    if (row.kind === "load" && stage !== undefined)
      return runLoad(stage.target, row.load, this.#options);
    if (row.kind === "program") await this.#runProgram(row.command);
    return undefined;
  }

  #take(row: Row, figures: Figures): void {
    const { say, isRecorded } = this.#options;
    say(`    ${summary(figures)}`);
    if (faultCount(figures) > 0) this.failed.add(row.name);
    const all = this.#quiet.get(row) ?? [];
    this.#quiet.set(row, all);
    if (!isQuiet(figures)) {
      say("    this round does not count: other processes had more than 15 % of a core");
      return;
    }
    all.push(figures);
    if (!isRecorded) return;
    record(stamped({ name: row.name, mode: row.mode, title: row.title }, joinRounds(all)));
    this.hasRecorded = true;
  }

  #fail(row: Row, error: unknown): void {
    this.failed.add(row.name);
    this.#options.say(`    ${row.name} failed: ${Bun.inspect(error)}`);
  }

  async #runProgram([file = "", ...args]: readonly string[]): Promise<void> {
    const { isQuick, isRecorded } = this.#options;
    const flags = [...(isQuick ? ["--quick"] : []), ...(isRecorded ? [] : ["--dry"])];
    const path = join(import.meta.dir, "..", file);
    const child = Bun.spawn([process.execPath, path, ...args, ...flags], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const code = await child.exited;
    if (code !== 0) throw new Error(`${file} ended with ${code}`);
    this.hasRecorded ||= isRecorded;
  }

  /** What stands together shares its servers. Programs record one run, so they have one round. */
  #groups(round: number): { stage: StageName | undefined; rows: Row[] }[] {
    const groups: { stage: StageName | undefined; rows: Row[] }[] = [];
    for (const row of this.#options.rows) {
      if (row.kind === "program" && round > 1) continue;
      const stage = row.kind === "load" ? row.stage : undefined;
      const last = groups.at(-1);
      if (last !== undefined && last.stage === stage) last.rows.push(row);
      else groups.push({ stage, rows: [row] });
    }
    return groups;
  }

  #secondsOf({ seconds }: Row): number {
    return this.#options.isQuick ? Math.min(seconds, Math.max(8, seconds / 5)) : seconds;
  }

  #say(line: string): void {
    this.#options.say(`${line} (about ${minutes(this.#secondsLeft)} left)`);
  }
}

export function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.max(0, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}

/** Below it, what was acked in the time is not what was delivered in it. */
const DELIVERED_SHARE_MIN = 0.97;

/** The figures that matter most, on one line. */
function summary(figures: Figures): string {
  const parts = [
    ["acked/s", figures.acked_per_s],
    ["delivered/s", figures.delivered_per_s],
    ["p50 ms", figures.p50_ms],
    ["p99 ms", figures.p99_ms],
    ["p99.9 ms", figures.p999_ms],
    ["ratio", figures["ratio"]],
    ["CPU µs", figures["cpu_us_per_message"]],
    ["generator µs", figures["generator_us_per_message"]],
    ...FAULT_NAMES.filter((name) => Number(figures[name] ?? 0) > 0).map(
      (name) => [name, Number(figures[name])] as const,
    ),
    ["others %", figures["others_cpu_percent"]],
  ] as const;
  return parts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${short(Number(value))}`)
    .concat(
      Number(figures["delivered_share"] ?? 1) < DELIVERED_SHARE_MIN
        ? ["delivery falls behind"]
        : [],
    )
    .concat(typeof figures["refused_with"] === "string" ? [figures["refused_with"]] : [])
    .join("  ");
}

function short(value: number): string {
  return value >= 100 || Number.isInteger(value)
    ? Math.round(value).toLocaleString("en-US")
    : value.toFixed(1);
}
