import type { Clock, Timer } from "../../src/ports/clock.ts";

const FIRST_MS = 1_000;
const MAX_MS = 60_000;

interface Restart {
  /** In a row. */
  failures: number;
  timer: Timer | undefined;
}

/**
 * Begins with a partition anew that could not be taken or read, ever less often: a consumer leaves it
 * silent, and one that nobody audits looks like one without a fault.
 */
export class Restarts {
  readonly #clock: Pick<Clock, "after">;
  readonly #restart: (topic: string, partition: number) => void;
  readonly #partitions = new Map<string, Restart>();

  constructor(clock: Pick<Clock, "after">, restart: (topic: string, partition: number) => void) {
    this.#clock = clock;
    this.#restart = restart;
  }

  failed(topic: string, partition: number): void {
    const name = nameOf(topic, partition);
    let one = this.#partitions.get(name);
    if (one === undefined) this.#partitions.set(name, (one = { failures: 0, timer: undefined }));
    one.timer?.cancel();
    const ms = Math.min(MAX_MS, FIRST_MS * 2 ** one.failures++);
    one.timer = this.#clock.after(ms, () => this.#restart(topic, partition));
  }

  /** It works, or it is another's. */
  forget(topic: string, partition: number): void {
    if (this.#partitions.size === 0) return;
    const name = nameOf(topic, partition);
    this.#partitions.get(name)?.timer?.cancel();
    this.#partitions.delete(name);
  }

  close(): void {
    for (const { timer } of this.#partitions.values()) timer?.cancel();
    this.#partitions.clear();
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
