import { join } from "node:path";

export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Everything that it printed so far, by line. */
  readonly lines: readonly string[];
  readonly errors: () => string;
  /** Resolves when the condition holds; rejects when the program ends first. */
  when(holds: () => boolean): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended and all that it printed was read. */
  readonly ended: Promise<number>;
}

/** Starts one of this folder's programs with the runtime of the tests; killed at the scope's end. */
export function startProgram(
  file: string,
  args: readonly string[],
  wrapper: readonly string[] = [],
): Program {
  const child = Bun.spawn([...wrapper, process.execPath, join(import.meta.dir, file), ...args], {
    stdout: "pipe",
    stderr: "pipe",
    stdin: "ignore",
  });
  const lines: string[] = [];
  let errors = "";
  let waiters: { holds: () => boolean; resolve: () => void; reject: (error: Error) => void }[] = [];
  const look = () => {
    for (const waiter of waiters) if (waiter.holds()) waiter.resolve();
    waiters = waiters.filter((waiter) => !waiter.holds());
  };
  const readLines = async () => {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const part of child.stdout) {
      rest += decoder.decode(part, { stream: true });
      const whole = rest.split("\n");
      rest = whole.pop() ?? "";
      lines.push(...whole);
      look();
    }
  };
  const readErrors = async () => {
    errors = await new Response(child.stderr).text();
  };
  const ended = Promise.all([child.exited, readLines(), readErrors()]).then(([code]) => {
    look();
    for (const waiter of waiters)
      waiter.reject(new Error(`the program ended (${code}): ${errors}`));
    return code;
  });
  return {
    pid: child.pid,
    lines,
    errors: () => errors,
    ended,
    when: (holds) =>
      holds()
        ? Promise.resolve()
        : new Promise((resolve, reject) => waiters.push({ holds, resolve, reject })),
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** The numbers of the `acked` lines of {@link startProgram}'s append program. */
export function ackedOffsets(lines: readonly string[]): readonly number[] {
  return lines.flatMap((line) => (line.startsWith("acked ") ? [Number(line.slice(6))] : []));
}
