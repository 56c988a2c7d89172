import { drainMicrotasks } from "bun:jsc";
import type { Clock, Timer } from "../../src/ports/clock.ts";

interface Task {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

const STARTED_AT = 1_795_254_378_085;

/**
 * Virtual time. One step takes the earliest task, sets the time, runs it, and then runs all
 * microtasks that follow from it, so that a run depends on nothing but its seed.
 */
export class Scheduler {
  #heap: Task[] = [];
  #order = 0;
  #now = 0;
  steps = 0;

  /** Monotonic ms. */
  get now(): number {
    return this.#now;
  }

  /** Ms since 1970. */
  get wall(): number {
    return STARTED_AT + Math.floor(this.#now);
  }

  after(ms: number, run: () => void): Timer {
    const task: Task = { at: this.#now + ms, order: this.#order++, run, cancelled: false };
    this.#push(task);
    return { cancel: () => void (task.cancelled = true) };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Runs everything that is due within the next `ms`, and lets that time pass. */
  pass(ms: number): void {
    const end = this.#now + ms;
    drainMicrotasks();
    for (;;) {
      const task = this.#heap[0];
      if (task === undefined || task.at > end) break;
      this.#pop();
      if (task.cancelled) continue;
      this.#now = Math.max(this.#now, task.at);
      this.steps++;
      task.run();
      drainMicrotasks();
    }
    this.#now = end;
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Task;
      if (!isBefore(task, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Task;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Task)) child++;
      const below = heap[child] as Task;
      if (!isBefore(below, last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** The scheduler as a clock of its own, for what belongs to no process: the log's broker. */
export function schedulerClock(scheduler: Scheduler): Clock {
  return {
    now: () => scheduler.wall,
    monotonic: () => scheduler.now,
    after: (ms, run) => scheduler.after(ms, run),
    every(ms, run) {
      let timer = scheduler.after(ms, tick);
      function tick(): void {
        timer = scheduler.after(ms, tick);
        run();
      }
      return { cancel: () => timer.cancel() };
    },
    defer: (run) => void scheduler.after(0, run),
  };
}
