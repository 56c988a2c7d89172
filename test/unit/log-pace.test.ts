import { describe, expect, test } from "bun:test";
import { LogPace } from "../../src/adapters/sqlite/log-pace.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

const LIMITS = { commitLagRecordsMax: 10, commitHoldMs: 100 };

/** A pace over a reader whose lag the test sets, and how often it said that a commit may go. */
function pacedReader() {
  const clock = new SteppedClock();
  const reader = { records: 0, handed: 0 };
  const held: number[] = [];
  let went = 0;
  const pace = new LogPace(clock, LIMITS, {
    lag: () => ({ ...reader }),
    held: (ms) => held.push(ms),
  });
  return {
    clock,
    reader,
    held,
    pace,
    holds: () => pace.holds(() => went++),
    get went() {
      return went;
    },
    hand(records: number) {
      reader.records -= records;
      reader.handed += records;
    },
  };
}

describe("the pace of the standalone log", () => {
  test("a commit goes at once while the reader is behind by no more than the limit", () => {
    const paced = pacedReader();
    paced.reader.records = LIMITS.commitLagRecordsMax;
    expect(paced.holds()).toBe(false);
  });

  test("a commit waits for a reader further behind until it has everything", async () => {
    const paced = pacedReader();
    paced.reader.records = 12;
    expect(paced.holds()).toBe(true);
    paced.hand(11);
    await paced.clock.advance(20);
    expect([paced.went, paced.holds()]).toEqual([0, true]);
    paced.hand(1);
    await paced.clock.advance(1);
    expect(paced.went).toBe(1);
    expect(paced.held).toEqual([21]);
    expect(paced.holds()).toBe(false);
  });

  test("each commit waits no longer than the limit for a reader that moves", async () => {
    const paced = pacedReader();
    paced.reader.records = 1_000;
    for (let commit = 1; commit <= 3; commit++) {
      expect(paced.holds()).toBe(true);
      paced.hand(5);
      await paced.clock.advance(LIMITS.commitHoldMs - 1);
      expect(paced.went).toBe(commit - 1);
      await paced.clock.advance(1);
      expect(paced.went).toBe(commit);
      expect(paced.holds()).toBe(false);
      paced.pace.committed();
    }
  });

  test("one commit waits for a reader that stands still, and the next only once it moves", async () => {
    const paced = pacedReader();
    paced.reader.records = 1_000;
    expect(paced.holds()).toBe(true);
    await paced.clock.advance(LIMITS.commitHoldMs);
    expect(paced.went).toBe(1);
    for (let commit = 0; commit < 3; commit++) {
      paced.pace.committed();
      paced.reader.records += 100;
      expect(paced.holds()).toBe(false);
    }
    paced.hand(1);
    paced.pace.committed();
    expect(paced.holds()).toBe(true);
  });
});
