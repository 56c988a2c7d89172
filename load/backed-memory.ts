import { readFileSync } from "node:fs";
import { join } from "node:path";
import { endWithThisProgram } from "./children.ts";

/** What a page of memory cost when it was touched first, and once the host had given it. */
export interface Backed {
  readonly mib: number;
  readonly firstMicros: number;
  readonly againMicros: number;
}

/** Left to what runs already, and to what is started meanwhile. */
const LEFT_MIB = 2_048;
/** As much as a run of everything fills. */
const MOST_MIB = 24_576;
const PROGRAM = join(import.meta.dir, "memory-holder.ts");

/** Told to the programs that this one starts, which record themselves. */
const VARIABLE = "LOAD_MEMORY";

/**
 * Has the host give its guest, this machine, all memory that is free, and keep it given until disposed.
 *
 * Some virtual machines have a page of memory only from its first touch on, at a cost of up to ten
 * microseconds, and give it back soon after it is free. Whatever fills the cache of files, as Kafka's log
 * and a database's tables do, then pays for that with each 4 KiB: a fifth of all CPU at 100,000 messages a
 * second, and what was measured was how much of the memory somebody had used before.
 *
 * @returns undefined where it cannot be done
 */
export async function backMemory(
  say: (line: string) => void,
  mib = Math.min(MOST_MIB, freeMib() - LEFT_MIB),
): Promise<(AsyncDisposable & Backed) | undefined> {
  if (process.platform !== "linux" || mib <= 0) return undefined;
  say(`touching ${Math.round(mib / 1_024)} GiB of memory, so that the host has given it`);
  const child = Bun.spawn([process.execPath, PROGRAM, String(Math.floor(mib))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  endWithThisProgram(child);
  const dispose = async (): Promise<void> => {
    await child.stdin.end();
    await child.exited;
    delete process.env[VARIABLE];
  };
  const line = await firstLine(child.stdout);
  if (line === undefined) {
    await dispose();
    say("it could not be touched: what fills the cache of files may seem slow");
    return undefined;
  }
  const backed = JSON.parse(line) as Backed;
  process.env[VARIABLE] = told(backed);
  say(`memory is ${told(backed)}`);
  return { ...backed, [Symbol.asyncDispose]: dispose };
}

/** How this machine's memory stands, for whoever reads the figures; undefined: nobody saw to it. */
export function memoryText(): string | undefined {
  return process.env[VARIABLE];
}

function told({ firstMicros, againMicros }: Backed): string {
  return `given by the host before (a page took ${firstMicros.toFixed(1)} µs at its first touch, ${againMicros.toFixed(1)} µs after)`;
}

function freeMib(): number {
  if (process.platform !== "linux") return 0;
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return Number(kib ?? 0) / 1_024;
}

/** Undefined when the stream ends before. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf("\n");
    if (end >= 0) return text.slice(0, end);
  }
  return undefined;
}
