/** A system call that has returned. */
export interface TracedCall {
  readonly name: string;
  /** The arguments as strace prints them, with paths of descriptors (`-y`). */
  readonly args: string;
  readonly result: string;
  /** Lines of the trace at which it was entered and left: their order is the order of time. */
  readonly entered: number;
  readonly left: number;
}

const COMPLETE = /^(\d+)\s+[\d:.]+ (\w+)\((.*)\)\s+= (-?\w+)/;
const UNFINISHED = /^(\d+)\s+[\d:.]+ (\w+)\((.*?)\s*<unfinished \.\.\.>$/;
const RESUMED = /^(\d+)\s+[\d:.]+ <\.\.\. (\w+) resumed>(.*)\)\s+= (-?\w+)/;

/** What strace is to be asked for, so that {@link parseTrace} can read its file. */
export function straceCommand(output: string): readonly string[] {
  const calls = "trace=fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg";
  return [
    "strace",
    "-f",
    "-tt",
    "-y",
    "-s",
    "65536",
    "-e",
    calls,
    "-e",
    "signal=none",
    "-o",
    output,
  ];
}

/** The calls of a trace in the order in which they were left. */
export function parseTrace(text: string): readonly TracedCall[] {
  const open = new Map<string, { name: string; args: string; entered: number }>();
  const calls: TracedCall[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    const complete = COMPLETE.exec(line);
    if (complete !== null) {
      const [, , name = "", args = "", result = ""] = complete;
      calls.push({ name, args, result, entered: at, left: at });
      continue;
    }
    const unfinished = UNFINISHED.exec(line);
    if (unfinished !== null) {
      const [, thread = "", name = "", args = ""] = unfinished;
      open.set(thread, { name, args, entered: at });
      continue;
    }
    const resumed = RESUMED.exec(line);
    if (resumed === null) continue;
    const [, thread = "", name = "", rest = "", result = ""] = resumed;
    const begun = open.get(thread);
    if (begun?.name !== name) continue;
    open.delete(thread);
    calls.push({ name, args: begun.args + rest, result, entered: begun.entered, left: at });
  }
  return calls;
}

/** An answer that went out, and how to find the bytes on the disk that it vouches for. */
export interface Ack {
  readonly call: TracedCall;
  /** Text that only the acknowledged record's bytes contain. */
  readonly mark: string;
}

export interface FlushVerdict {
  readonly acks: number;
  /** Flushes that covered at least one acknowledged write. */
  readonly flushes: number;
  /** Marks of answers that went out before the flush of their bytes had returned. */
  readonly early: readonly string[];
}

const WRITES = new Set(["write", "writev", "pwrite64", "pwritev"]);

/**
 * Checks each answer: some write of its mark to a file of the folder, then a flush of the same file
 * that was entered after that write was left and that returned 0 before the answer was entered.
 */
export function checkFlushes(
  calls: readonly TracedCall[],
  acks: readonly Ack[],
  folder: string,
): FlushVerdict {
  const path = (call: TracedCall) => /^\d+<([^>]*)>/.exec(call.args)?.[1] ?? "";
  const inFolder = calls.filter((call) => path(call).startsWith(folder));
  const writes = inFolder.filter((call) => WRITES.has(call.name));
  const flushes = inFolder.filter(
    (call) => (call.name === "fsync" || call.name === "fdatasync") && call.result === "0",
  );
  const used = new Set<TracedCall>();
  const early: string[] = [];
  for (const { call: ack, mark } of acks) {
    const cover = writes
      .filter((write) => write.left < ack.entered && write.args.includes(mark))
      .flatMap((write) =>
        flushes.filter(
          (flush) =>
            path(flush) === path(write) && flush.entered > write.left && flush.left < ack.entered,
        ),
      );
    const [first] = cover;
    if (first === undefined) early.push(mark);
    else used.add(first);
  }
  return { acks: acks.length, flushes: used.size, early };
}
