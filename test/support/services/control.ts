/** What can be done to one running program, whether it is a process or a container. */
export interface Control {
  /** Starts it, or starts it again on the data it has. */
  start(): Promise<void>;
  /** Sends the signal; of one that ends a process, resolves when it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Stops it in its tracks (SIGSTOP): its sockets stay open and silent. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
  readonly isRunning: boolean;
  /** The end of its log. */
  tail(): Promise<string>;
}

const POLL_MS = 40;
const PROGRESS_EVERY_MS = 10_000;

/** Resolves when the probe says yes. Rejects with the log when the program ends, or when it is late. */
export async function whenReady(
  name: string,
  control: Control,
  probe: () => Promise<boolean>,
  deadlineMs = 90_000,
): Promise<void> {
  const started = performance.now();
  let said = started;
  for (;;) {
    if (!control.isRunning) throw new Error(`${name} ended at its start:\n${await control.tail()}`);
    if (await probe()) return;
    const now = performance.now();
    if (now - started > deadlineMs) {
      const seconds = deadlineMs / 1000;
      throw new Error(`${name} did not answer within ${seconds} s:\n${await control.tail()}`);
    }
    if (now - said > PROGRESS_EVERY_MS) {
      said = now;
      progress(`still waiting for ${name} (${((now - started) / 1000).toFixed(0)} s)`);
    }
    await Bun.sleep(POLL_MS);
  }
}

/** A line for whoever waits: on the error stream, since programs read the other one. */
export function progress(line: string): void {
  process.stderr.write(`services: ${line}\n`);
}
