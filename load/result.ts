import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { memoryText } from "./backed-memory.ts";
import { servicesText } from "./cluster/services.ts";
import { commit, type Machine, machine } from "./machine.ts";

const FILE = join(dirname(import.meta.dir), "docs/benchmarks.json");

/** Percent of one core that other processes may use while something is measured. */
const OTHERS_PERCENT_MAX = 15;

type Value =
  | number
  | string
  | boolean
  | Machine
  | Readonly<Record<string, number>>
  /** The lowest and the highest of several rounds, by figure. */
  | Readonly<Record<string, readonly [number, number]>>;

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

/** In the order in which they are shown: ours, what we are compared with, and what the parts can do. */
export const MODES = ["standalone", "cluster", "peer", "limit"] as const;

export type Mode = (typeof MODES)[number];

export interface Subject {
  readonly name: string;
  readonly mode: Mode;
  /** What the program does, in a few words, for the table. */
  readonly title: string;
}

interface Stamp {
  readonly commit: string;
  readonly date: string;
  readonly machine: Machine;
  /** How Kafka, Postgres and Redis were set; absent where there are none. */
  readonly services?: string;
  /** How the machine's memory stood; absent: as it was found. */
  readonly memory?: string;
}

export type ResultRow = Subject & Stamp & Figures;

/** Prints the figures of one program and records them, in place of its last. */
export function report(subject: Subject, figures: Figures, isRecorded = true): ResultRow {
  const row = stamped(subject, figures);
  process.stdout.write(`${JSON.stringify(row, undefined, 2)}\n`);
  if (isRecorded && !isQuiet(figures)) {
    const busy = Math.round(Number(figures["others_cpu_percent"]));
    process.stderr.write(`not recorded: other processes used ${busy} % of a core\n`);
  } else if (isRecorded) record(row);
  return row;
}

/** Whether nothing else had the machine meanwhile. */
export function isQuiet(figures: Figures): boolean {
  return Number(figures["others_cpu_percent"] ?? 0) <= OTHERS_PERCENT_MAX;
}

/** Figures with what they were measured on, now. */
export function stamped(subject: Subject, figures: Figures): ResultRow {
  const stamp = { commit: commit(), date: new Date().toISOString(), machine: machine() };
  const services = subject.mode === "cluster" ? { services: servicesText() } : {};
  const memory = memoryText();
  const stood = memory === undefined ? {} : { memory };
  return { ...subject, ...rounded(figures), ...stamp, ...services, ...stood };
}

export function readResults(): ResultRow[] {
  return existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as ResultRow[]) : [];
}

/** Puts a row into `docs/benchmarks.json`, in place of the last of its name and mode. */
export function record(row: ResultRow): void {
  const others = readResults().filter(({ name, mode }) => name !== row.name || mode !== row.mode);
  write([...others, row]);
}

/** Drops the rows of programs that are no more. @param names of those that are */
export function prune(names: ReadonlySet<string>): void {
  write(readResults().filter(({ name }) => names.has(name)));
}

function write(rows: readonly ResultRow[]): void {
  const sorted = rows.toSorted(
    (a, b) => MODES.indexOf(a.mode) - MODES.indexOf(b.mode) || a.name.localeCompare(b.name),
  );
  writeFileSync(FILE, `${JSON.stringify(sorted, undefined, 2)}\n`);
}

/** Whole numbers from 100 on, two decimals below: more is noise. */
function rounded(figures: Figures): Figures {
  const round = (value: number): number =>
    Math.round(value * (value >= 100 ? 1 : 100)) / (value >= 100 ? 1 : 100);
  const each = (value: unknown): unknown => {
    if (typeof value === "number") return round(value);
    if (Array.isArray(value)) return value.map(each);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, each(inner)]));
  };
  const known = Object.entries(figures).filter(([, value]) => value !== undefined);
  return each(Object.fromEntries(known)) as Figures;
}
