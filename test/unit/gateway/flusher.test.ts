import { expect, test } from "bun:test";
import { type Flushable, Flusher } from "../../../gateway/flusher.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const LIMITS = { receiptHoldMs: 8, receiptHoldPerSecond: 100 };

/** Notes when it is written. */
class Sink implements Flushable {
  isHolding = false;
  readonly flushedAt: number[] = [];
  readonly #clock: SteppedClock;

  constructor(clock: SteppedClock) {
    this.#clock = clock;
  }

  flush(): void {
    this.isHolding = false;
    this.flushedAt.push(this.#clock.monotonic());
  }
}

function setUp(holds = true) {
  const clock = new SteppedClock();
  const failures: unknown[] = [];
  const flusher = new Flusher<Flushable>({
    clock,
    limits: LIMITS,
    holds,
    failed: (_, cause) => failures.push(cause),
  });
  return {
    clock,
    flusher,
    failures,
    sink: () => new Sink(clock),
    hold: (sink: Sink) => {
      sink.isHolding = true;
      flusher.later(sink);
    },
    /** Receipts of one second, each in a turn of its own. */
    receipts: async (perSecond: number) => {
      let held = 0;
      const sink = new Sink(clock);
      for (let i = 0; i < perSecond; i++) {
        if (flusher.mayHold()) held++;
        flusher.soon(sink);
        await clock.advance(1_000 / perSecond);
      }
      return held;
    },
  };
}

test("what is queued in a turn is written once the turn is over", async () => {
  const { clock, flusher, sink } = setUp();
  const sinks = [sink(), sink()];
  for (const one of sinks) flusher.soon(one);
  expect(sinks.map(({ flushedAt }) => flushedAt.length)).toEqual([0, 0]);
  await clock.advance(0);
  expect(sinks.map(({ flushedAt }) => flushedAt.length)).toEqual([1, 1]);
});

test("receipts may be held from the rate on at which they are many, and no longer when they are few", async () => {
  const { receipts } = setUp();
  expect(await receipts(LIMITS.receiptHoldPerSecond / 2)).toBe(0);
  expect(await receipts(LIMITS.receiptHoldPerSecond * 2)).toBeGreaterThan(
    LIMITS.receiptHoldPerSecond,
  );
  expect(await receipts(LIMITS.receiptHoldPerSecond / 2)).toBeLessThan(20);
});

test("no receipt may be held where deliveries do not come later", async () => {
  const { receipts } = setUp(false);
  expect(await receipts(LIMITS.receiptHoldPerSecond * 2)).toBe(0);
});

test("receipts that nothing follows are written after half of their time to the whole", async () => {
  const { clock, sink, hold } = setUp();
  const sinks: [Sink, number][] = [];
  for (let i = 0; i < 40; i++) {
    const one = sink();
    hold(one);
    sinks.push([one, clock.monotonic()]);
    await clock.advance(1);
  }
  await clock.advance(LIMITS.receiptHoldMs);
  for (const [one, heldAt] of sinks) {
    expect(one.flushedAt).toHaveLength(1);
    const waited = (one.flushedAt[0] as number) - heldAt;
    expect(waited).toBeGreaterThanOrEqual(LIMITS.receiptHoldMs / 2);
    expect(waited).toBeLessThanOrEqual(LIMITS.receiptHoldMs);
  }
});

test("receipts that left with something else are not written again", async () => {
  const { clock, flusher, sink, hold } = setUp();
  const one = sink();
  hold(one);
  flusher.soon(one);
  await clock.advance(3 * LIMITS.receiptHoldMs);
  expect(one.flushedAt).toHaveLength(1);
});

test("a write that throws is told, and the others are written", async () => {
  const { clock, flusher, failures, sink, hold } = setUp();
  const bug = new Error("a bug");
  const broken = sink();
  broken.flush = () => {
    throw bug;
  };
  const later = sink();
  hold(broken);
  hold(later);
  const soon = sink();
  flusher.soon(broken);
  flusher.soon(soon);
  await clock.advance(LIMITS.receiptHoldMs);
  expect(failures).toEqual([bug, bug]);
  expect([later.flushedAt.length, soon.flushedAt.length]).toEqual([1, 1]);
});
