import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commit, type Machine, machine } from "./machine.ts";

const FILE = join(dirname(import.meta.dir), "docs/benchmarks.json");

/** Percent of one core that other processes may use while something is measured. */
const OTHERS_PERCENT_MAX = 15;

type Value = number | string | boolean | Machine | Readonly<Record<string, number>>;

/** What a program measured. `undefined` stands for what this program does not measure. */
export interface Figures {
  readonly acked_per_s?: number | undefined;
  readonly delivered_per_s?: number | undefined;
  /** Socket to socket: from when a message was due to its arrival at another member. */
  readonly p50_ms?: number | undefined;
  readonly p99_ms?: number | undefined;
  readonly p999_ms?: number | undefined;
  readonly lost?: number | undefined;
  readonly duplicate?: number | undefined;
  readonly reordered?: number | undefined;
  readonly [extra: string]: Value | undefined;
}

export interface Subject {
  readonly name: string;
  readonly mode: "standalone" | "cluster";
  /** What the program does, in a few words, for the table. */
  readonly title: string;
}

interface Stamp {
  readonly commit: string;
  readonly date: string;
  readonly machine: Machine;
}

export type ResultRow = Subject & Stamp & Figures;

/** Prints the figures and puts them into `docs/benchmarks.json`, in place of that program's last. */
export function report(subject: Subject, figures: Figures, isRecorded = true): ResultRow {
  const stamp = { commit: commit(), date: new Date().toISOString(), machine: machine() };
  const row = { ...subject, ...rounded(figures), ...stamp };
  process.stdout.write(`${JSON.stringify(row, undefined, 2)}\n`);
  const busy = Number(figures["others_cpu_percent"] ?? 0);
  if (isRecorded && busy > OTHERS_PERCENT_MAX) {
    process.stderr.write(`not recorded: other processes used ${Math.round(busy)} % of a core\n`);
  } else if (isRecorded) record(row);
  return row;
}

export function readResults(): ResultRow[] {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as ResultRow[]) : [];
}

function record(row: ResultRow): void {
  const others = readResults().filter(({ name, mode }) => name !== row.name || mode !== row.mode);
  const rows = [...others, row].toSorted((a, b) => order(a).localeCompare(order(b)));
  writeFileSync(FILE, `${JSON.stringify(rows, undefined, 2)}\n`);
}

const order = ({ name, mode }: ResultRow): string => `${mode} ${name}`;

/** Whole numbers from 100 on, two decimals below: more is noise. */
function rounded(figures: Figures): Figures {
  const round = (value: unknown): unknown =>
    typeof value === "number"
      ? Math.round(value * (value >= 100 ? 1 : 100)) / (value >= 100 ? 1 : 100)
      : value;
  return Object.fromEntries(
    Object.entries(figures)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, round(value)]),
  ) as unknown as Figures;
}
