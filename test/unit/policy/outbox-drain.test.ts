import { expect, test } from "bun:test";
import { OutboxDrain } from "../../../src/policy/outbox-drain.ts";

/** A partition's outbox, looked at every 100 ms. */
class Rows {
  readonly drain = new OutboxDrain();
  rows: number;
  #done = 0;
  #now = 5_000;

  constructor(rows: number) {
    this.rows = rows;
  }

  /** @param puts a second of those who heed the drain; `others` do not; `leave` a second, in turns */
  run(seconds: number, { puts = 0, others = 0, leave = 0, turnMs = 100 }): void {
    for (let i = 0; i < seconds * 10; i++) {
      this.drain.looked(this.rows, this.#done, this.#now);
      this.rows += ((this.drain.isOn ? 0 : puts) + others) / 10;
      this.#now += 100;
      if (this.#now % turnMs !== 0) continue;
      const gone = Math.min(this.rows, (leave * turnMs) / 1_000);
      this.rows -= gone;
      this.#done += gone;
    }
  }
}

test("a backlog of any size needs no help while little comes", () => {
  const outbox = new Rows(1_000_000);
  outbox.run(30, { puts: 1_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(false);
});

test("rows that come as fast as others leave stay away until all have left", () => {
  const outbox = new Rows(10_000);
  outbox.run(3, { puts: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(false);
  outbox.run(1, { puts: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(true);
  outbox.run(4, { puts: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(true);
  expect(outbox.rows).toBeLessThan(3_000);
  outbox.drain.reset();
  expect(outbox.drain.isOn).toBe(false);
});

test("rows that leave in turns seconds apart are told from a log that is away", () => {
  const outbox = new Rows(20_000);
  outbox.run(8, { puts: 2_000, leave: 2_000, turnMs: 2_000 });
  expect(outbox.drain.isOn).toBe(true);
});

test("while none leave, the log is away and nothing is held back", () => {
  const outbox = new Rows(1_000);
  outbox.run(20, { puts: 500 });
  expect(outbox.drain.isOn).toBe(false);
  outbox.run(7, { puts: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(true);
  outbox.run(4, {});
  expect(outbox.drain.isOn).toBe(false);
});

test("where others fill it who are not asked, staying away helps nobody and ends", () => {
  const outbox = new Rows(10_000);
  outbox.run(4, { puts: 100, others: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(true);
  outbox.run(3, { puts: 100, others: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(false);
  outbox.run(50, { puts: 100, others: 2_000, leave: 2_000 });
  expect(outbox.drain.isOn).toBe(false);
});
