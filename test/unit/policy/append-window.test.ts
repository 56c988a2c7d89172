import { expect, test } from "bun:test";
import { AppendWindow } from "../../../src/policy/append-window.ts";

const LIMITS = {
  appendPendingBytesMax: 1_000_000,
  appendWindowBytesMin: 10_000,
  appendWaitMs: 300,
};
const APPEND = 1_000;

/** A log that appends so much a second, in order, and a gateway that is given so much a second. */
class Queue {
  readonly window = new AppendWindow(LIMITS);
  readonly #waiting: number[] = [];
  #now = 0;
  #given = 0;
  #taken = 0;
  landed = 0;
  refused = 0;
  worstWaitMs = 0;

  run(ms: number, { charsPerSecond = 100_000, capacity = 100_000 }): void {
    this.landed = 0;
    this.refused = 0;
    this.worstWaitMs = 0;
    for (const end = this.#now + ms; this.#now < end; this.#now++) {
      for (this.#given += charsPerSecond / 1_000; this.#given >= APPEND; this.#given -= APPEND) {
        if ((this.#waiting.length + 1) * APPEND > this.window.chars) this.refused++;
        else this.#waiting.push(this.#now);
      }
      this.#taken = Math.min(this.#taken + capacity / 1_000, APPEND * 10);
      for (; this.#taken >= APPEND && this.#waiting.length > 0; this.#taken -= APPEND) {
        const waitMs = this.#now - (this.#waiting[0] as number);
        this.window.landed(waitMs, this.#waiting.length * APPEND, this.#now);
        this.#waiting.shift();
        this.landed++;
        this.worstWaitMs = Math.max(this.worstWaitMs, waitMs);
      }
    }
  }
}

test("everything may wait while appends are quick", () => {
  const queue = new Queue();
  queue.run(10_000, { charsPerSecond: 90_000 });
  expect(queue.refused).toBe(0);
  expect(queue.window.chars).toBe(LIMITS.appendPendingBytesMax);
});

test("of more than the log can do, what is taken lands in time and the rest is refused", () => {
  const queue = new Queue();
  queue.run(5_000, { charsPerSecond: 150_000 });
  // The log was never idle, and what it took waited about as long as it may.
  queue.run(20_000, { charsPerSecond: 150_000 });
  expect(queue.landed).toBeGreaterThan(1_980);
  expect(queue.refused).toBeGreaterThan(900);
  expect(queue.worstWaitMs).toBeLessThan(1.75 * LIMITS.appendWaitMs);
  expect(queue.worstWaitMs).toBeGreaterThan(LIMITS.appendWaitMs / 2);
});

test("it opens again when the log is quick again", () => {
  const queue = new Queue();
  queue.run(10_000, { charsPerSecond: 150_000, capacity: 20_000 });
  expect(queue.window.chars).toBeLessThan(20_000);
  queue.run(3_000, { charsPerSecond: 90_000 });
  queue.run(3_000, { charsPerSecond: 90_000 });
  expect(queue.refused).toBe(0);
});

test("a burst that is over within two intervals closes nothing", () => {
  const queue = new Queue();
  queue.run(500, { charsPerSecond: 150_000 });
  queue.run(2_000, { charsPerSecond: 50_000 });
  expect(queue.window.chars).toBe(LIMITS.appendPendingBytesMax);
});

test("a log that answers nothing closes nothing, nor does one slow partition among quick ones", () => {
  const queue = new Queue();
  queue.run(5_000, { charsPerSecond: 100_000, capacity: 0 });
  expect(queue.refused).toBe(0);
  const window = new AppendWindow(LIMITS);
  for (let now = 0; now < 10_000; now += 10) window.landed(now % 50 === 0 ? 5 : 2_000, 9_000, now);
  expect(window.chars).toBe(LIMITS.appendPendingBytesMax);
});

test("something may wait however slow the log is", () => {
  const window = new AppendWindow(LIMITS);
  for (let now = 0; now < 10_000; now += 50) window.landed(5_000, window.chars, now);
  expect(window.chars).toBe(LIMITS.appendWindowBytesMin);
});
