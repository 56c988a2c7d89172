import { readdirSync, readFileSync } from "node:fs";
import { residentBytes } from "../process-usage.ts";

const TICKS_PER_SECOND = 100;

const KINDS: readonly (readonly [string, RegExp])[] = [
  ["generator", /load\/native\/process\.ts/],
  ["server", /cli\/start\.ts/],
  ["socket.io", /socketio-server-/],
  ["echo", /echo-server\.ts/],
  ["gateway", /gateway\/main\.ts/],
  ["consumers", /consumers\/main\.ts/],
  ["kafka", /kafka\.Kafka/],
  ["postgres", /postgres/],
  ["redis", /redis-server/],
  ["collector", /trace-sink\.ts/],
];

/** What a cluster's processes used until now, by kind. */
export interface Usage {
  /** CPU seconds. */
  readonly seconds: ReadonlyMap<string, number>;
  /** Monotonic ms when it was read. */
  readonly at: number;
}

/** Reads /proc (Linux only): this process's descendants, and itself as part of `generator`. */
export function clusterUsage(): Usage {
  const seconds = new Map<string, number>();
  for (const { pid, kind } of processes()) {
    const stat = statOf(pid);
    if (stat !== undefined) seconds.set(kind, (seconds.get(kind) ?? 0) + stat.seconds);
  }
  return { seconds, at: performance.now() };
}

/** Percent of one core of each kind between two readings. */
export function usageShare(before: Usage, after: Usage): Record<string, number> {
  const elapsed = (after.at - before.at) / 1000;
  return Object.fromEntries(
    [...after.seconds].map(([kind, used]) => {
      const share = ((used - (before.seconds.get(kind) ?? 0)) / elapsed) * 100;
      return [kind, Math.round(share * 10) / 10];
    }),
  );
}

const OURS: ReadonlySet<string> = new Set(["gateway", "consumers", "server"]);

/** Resident MiB of each kind that is a program of ours. */
export function memoryMiB(): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { pid, kind } of processes()) {
    if (!OURS.has(kind)) continue;
    const mib = residentBytes(pid).total / 2 ** 20;
    sums[kind] = Math.round((sums[kind] ?? 0) + mib);
  }
  return sums;
}

/** One process at one moment. */
export interface ProcessSize {
  readonly kind: string;
  readonly pid: number;
  /** Resident bytes of its own: what it has allocated. */
  readonly anonymous: number;
  /** Resident bytes of files and of memory that it shares, which count in each process that has them. */
  readonly mapped: number;
  /** Open file descriptors. */
  readonly descriptors: number;
}

/** Of all processes under this one; those that end meanwhile are left out. */
export function processSizes(): ProcessSize[] {
  return processes().flatMap(({ pid, kind }) => {
    try {
      const descriptors = readdirSync(`/proc/${pid}/fd`).length;
      const { total, anonymous } = residentBytes(pid);
      return [{ pid, kind, anonymous, mapped: total - anonymous, descriptors }];
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  });
}

function processes(): { pid: number; kind: string }[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) parents.set(Number(name), stat.parent);
  }
  const isOurs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === process.pid) return true;
    return false;
  };
  const found = [{ pid: process.pid, kind: "generator" }];
  for (const pid of parents.keys()) {
    if (pid === process.pid || !isOurs(pid)) continue;
    const command = commandOf(pid);
    const kind = KINDS.find(([, pattern]) => pattern.test(command))?.[0];
    if (kind !== undefined) found.push({ pid, kind });
  }
  return found;
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") ?? "";
}

function statOf(pid: number): { parent: number; seconds: number } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    parent: Number(fields[1]),
    seconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  };
}

/** A process may end between the listing and the reading. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ESRCH";
}
