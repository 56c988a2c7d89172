import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

/** CPU seconds of a process since its start, in all and by thread name. */
export interface CpuTimes {
  readonly total: number;
  readonly threads: ReadonlyMap<string, number>;
  /** Monotonic ms when they were read. */
  readonly at: number;
}

/** Reads /proc (Linux only). Threads that have ended count in the total alone. */
export function cpuTimes(pid: number): CpuTimes {
  const threads = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readStat(`/proc/${pid}/task/${thread}/stat`);
    if (stat) threads.set(stat.name, (threads.get(stat.name) ?? 0) + stat.seconds);
  }
  const total = readStat(`/proc/${pid}/stat`)?.seconds ?? 0;
  return { total, threads, at: performance.now() };
}

/** Percent of one core between two readings; threads below half a percent are left out. */
export interface CpuShare {
  readonly total: number;
  readonly threads: Readonly<Record<string, number>>;
}

export function cpuShare(before: CpuTimes, after: CpuTimes): CpuShare {
  const seconds = (after.at - before.at) / 1000;
  const percent = (used: number): number => Math.round((used / seconds) * 1000) / 10;
  const threads: Record<string, number> = {};
  for (const [name, used] of after.threads) {
    const share = percent(used - (before.threads.get(name) ?? 0));
    if (share >= 0.5) threads[name] = share;
  }
  return { total: percent(after.total - before.total), threads };
}

/**
 * What the machine's other processes use from now on: above a few percent, figures that were
 * measured meanwhile are not to be trusted.
 */
export class Bystanders {
  readonly #pids: readonly number[];
  readonly #before: number;
  readonly #startedAt = performance.now();

  /** @param pids the processes that are measured */
  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#before = this.#seconds();
  }

  /** Percent of one core until now. */
  percent(): number {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return (Math.max(0, this.#seconds() - this.#before) / seconds) * 100;
  }

  #seconds(): number {
    const own = this.#pids.reduce((sum, pid) => sum + cpuTimes(pid).total, 0);
    return machineSeconds() - own;
  }
}

/** CPU seconds that all processes of the machine used since it started. */
export function machineSeconds(): number {
  const fields = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/).slice(1) ?? [];
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields.map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Resident memory in bytes; `anonymous` leaves out mapped files. */
export function residentBytes(pid: number): { total: number; anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { total: field("VmRSS"), anonymous: field("RssAnon") };
}

function readStat(path: string): { name: string; seconds: number } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // The thread ended between the listing and the reading.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return undefined;
    throw error;
  }
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { name: text.slice(text.indexOf("(") + 1, end), seconds: ticks / TICKS_PER_SECOND };
}
