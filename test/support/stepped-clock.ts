import type { Clock, Timer } from "../../src/ports/clock.ts";

/** A clock that stands still until a test moves it, and runs nothing until then. */
export class SteppedClock implements Clock {
  private ms = 1_000;
  private order = 0;
  private queue: { readonly at: number; readonly order: number; readonly run: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  monotonic(): number {
    return this.ms;
  }

  after(ms: number, run: () => void): Timer {
    const entry = { at: this.ms + ms, order: this.order++, run };
    this.queue.push(entry);
    return {
      cancel: () => {
        this.queue = this.queue.filter((other) => other !== entry);
      },
    };
  }

  every(ms: number, run: () => void): Timer {
    let timer = this.after(ms, () => {});
    const arm = () => {
      timer.cancel();
      timer = this.after(ms, () => {
        arm();
        run();
      });
    };
    arm();
    return { cancel: () => timer.cancel() };
  }

  defer(run: () => void): void {
    this.after(0, run);
  }

  /** Moves until the promise has settled. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const watched = promise.finally(() => (isSettled = true));
    while (!isSettled) await this.advance(1);
    return watched;
  }

  /** Runs everything that is due up to then, in order, with promises settled in between. */
  async advance(ms: number): Promise<void> {
    const until = this.ms + ms;
    await settlePromises();
    for (;;) {
      const [next] = this.queue
        .filter((entry) => entry.at <= until)
        .sort((a, b) => a.at - b.at || a.order - b.order);
      if (next === undefined) break;
      this.queue = this.queue.filter((entry) => entry !== next);
      this.ms = Math.max(this.ms, next.at);
      next.run();
      await settlePromises();
    }
    this.ms = until;
  }
}

/** A turn of the event loop: every promise that can settle without I/O has settled after it. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
