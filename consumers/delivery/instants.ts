import type { Clock, Timer } from "../../src/ports/clock.ts";

/** Where more partitions than these wait … */
const MANY = 24;
/** … and would have fewer events than these each … */
const FEW = 32;
/** … a partition is called at every second instant, fourth, eighth or, at the least, sixteenth. */
const STRETCH_MAX = 16;

/** @returns how many events are committed now; undefined: none, since it was put off */
export type InstantCall = () => number | undefined;

/** A call that is to come. */
export interface Instant extends Timer {
  /** Somebody waits for it: it is called at the next instant of all. */
  hurry(): void;
}

interface Waiting {
  readonly run: InstantCall;
  /** Instants between two of its turns. */
  readonly gap: number;
  at: number;
  isDone: boolean;
}

/**
 * The instants at which the partitions of a process commit, so that the store can take them together. A
 * commit costs rows for each partition, for one event much the same as for twenty: where many partitions
 * have a little each, a partition has its turn at some of the instants only, each at others, so that no
 * instant has all of them to do.
 */
export class Instants {
  readonly #clock: Clock;
  readonly #everyMs: number;
  /** By the number of the instant. */
  readonly #due = new Map<number, Set<Waiting>>();
  #size = 0;
  #timer: Timer | undefined;
  /** Of the instant that the timer is for. */
  #timerAt = 0;
  /** Timers may come a little early: the instant that was called last is over. */
  #calledAt = 0;
  #stretch = 1;
  #phases = 0;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** A partition's own, so that those of one stretch are spread over it. */
  phase(): number {
    return this.#phases++ % STRETCH_MAX;
  }

  /** Calls once, at the next instant that is the phase's. */
  next(phase: number, run: InstantCall): Instant {
    const soonest = this.#soonest();
    // What was many a while ago is nobody now.
    if (this.#size === 0 && soonest - this.#calledAt > STRETCH_MAX) this.#stretch = 1;
    const gap = this.#stretch;
    const at = soonest + ((((phase - soonest) % gap) + gap) % gap);
    const waiting: Waiting = { run, gap, at, isDone: false };
    this.#add(waiting);
    return {
      cancel: () => this.#remove(waiting),
      hurry: () => {
        const soon = this.#soonest();
        if (waiting.isDone || waiting.at <= soon) return;
        this.#remove(waiting);
        waiting.at = soon;
        this.#add(waiting);
      },
    };
  }

  #soonest(): number {
    return Math.max(this.#calledAt, this.#now()) + 1;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / this.#everyMs);
  }

  #add(waiting: Waiting): void {
    let set = this.#due.get(waiting.at);
    if (set === undefined) this.#due.set(waiting.at, (set = new Set()));
    set.add(waiting);
    waiting.isDone = false;
    this.#size++;
    this.#arm(waiting.at);
  }

  #remove(waiting: Waiting): void {
    if (waiting.isDone) return;
    waiting.isDone = true;
    this.#size--;
    this.#due.get(waiting.at)?.delete(waiting);
  }

  /** Wakes at this instant at the latest. */
  #arm(at: number): void {
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const ms = Math.max(0, at * this.#everyMs - this.#clock.monotonic());
    this.#timer = this.#clock.after(ms, () => this.#call());
  }

  #call(): void {
    this.#timer = undefined;
    const now = Math.max(this.#now(), this.#timerAt);
    this.#calledAt = now;
    const active = this.#size;
    let events = 0;
    let gaps = 0;
    for (const [at, calls] of [...this.#due].sort(([a], [b]) => a - b)) {
      if (at > now) break;
      this.#due.delete(at);
      for (const waiting of calls) {
        // One that is called before it may have cancelled it.
        if (waiting.isDone) continue;
        this.#remove(waiting);
        const committed = waiting.run();
        if (committed === undefined) continue;
        gaps += waiting.gap;
        events += committed;
      }
    }
    if (gaps > 0) this.#pace(active, events / gaps);
    let first = Number.POSITIVE_INFINITY;
    for (const [at, { size }] of this.#due)
      if (size === 0) this.#due.delete(at);
      else first = Math.min(first, at);
    if (first < Number.POSITIVE_INFINITY) this.#arm(first);
  }

  /** @param each events that a partition has from one instant to the next */
  #pace(active: number, each: number): void {
    this.#stretch = 1;
    if (active <= MANY) return;
    while (this.#stretch < STRETCH_MAX && each * this.#stretch * 2 <= FEW) this.#stretch *= 2;
  }
}
