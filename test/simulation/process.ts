import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { Scheduler } from "./scheduler.ts";

/**
 * One simulated operating-system process. Whatever comes to it from outside (timers, answers, calls)
 * goes through `run`: a dead process does nothing any more, a frozen one does it when it thaws.
 */
export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #latency: () => number;
  #state: "running" | "frozen" | "dead" = "running";
  #held: (() => void)[] = [];

  /** @param latency ms that an answer takes to arrive */
  constructor(name: string, scheduler: Scheduler, latency: () => number) {
    this.name = name;
    this.#scheduler = scheduler;
    this.#latency = latency;
    this.clock = this.#createClock();
  }

  get alive(): boolean {
    return this.#state !== "dead";
  }

  get running(): boolean {
    return this.#state === "running";
  }

  run(task: () => void): void {
    if (this.#state === "running") task();
    else if (this.#state === "frozen") this.#held.push(task);
  }

  kill(): void {
    this.#state = "dead";
    this.#held = [];
  }

  freeze(): void {
    if (this.#state === "running") this.#state = "frozen";
  }

  thaw(): void {
    if (this.#state !== "frozen") return;
    this.#state = "running";
    const held = this.#held;
    this.#held = [];
    for (const task of held) this.run(task);
  }

  /** An answer from outside: it arrives in a step of its own, and never at a dead process. */
  io<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const arrive = (task: () => void): void =>
        void this.#scheduler.after(this.#latency(), () => this.run(task));
      answer.then(
        (value) => arrive(() => resolve(value)),
        (error: Error) => arrive(() => reject(error)),
      );
    });
  }

  /** A call into the process whose promise does not settle when it dies. */
  call<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.run(() => void task().then(resolve, reject));
    });
  }

  #createClock(): Clock {
    const scheduler = this.#scheduler;
    const after = (ms: number, run: () => void): Timer => {
      let cancelled = false;
      const task = (): void => {
        if (!cancelled) run();
      };
      const timer = scheduler.after(ms, () => this.run(task));
      return {
        cancel() {
          cancelled = true;
          timer.cancel();
        },
      };
    };
    return {
      now: () => scheduler.wall,
      monotonic: () => scheduler.now,
      after,
      every(ms, run) {
        const tick = (): void => {
          timer = after(ms, tick);
          run();
        };
        let timer = after(ms, tick);
        return { cancel: () => timer.cancel() };
      },
      defer: (run) => void after(0, run),
    };
  }
}
