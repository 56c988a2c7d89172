import { expect, test } from "bun:test";
import { DeliveryPace } from "../../../gateway/delivery-pace.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import type { Publication } from "../../../src/ports/backplane.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const LIMITS = { deliveryLagMs: 50, deliveryLagRecordsMin: 10, deliveryHoldMs: 100 };

/** The publication whose last event stands before `end`. */
function publicationTo(end: number, partition = 0): Publication {
  const run = { tenant: "t", conversation: "c", epoch: "e", firstSeq: 1, events: [] };
  const runs = [
    { ...run, offsets: [end - 1] },
    { ...run, offsets: [end - 3, end - 2] },
  ];
  return { topic: "t", partition, ownerEpoch: 1, number: 1, runs };
}

function setUp() {
  const clock = new SteppedClock();
  const telemetry = createMemoryTelemetry();
  const pace = new DeliveryPace({ clock, limits: LIMITS, telemetry });
  const went: number[] = [];
  return {
    clock,
    pace,
    went,
    holds: (partition = 0) => pace.holds("t", partition, () => went.push(clock.monotonic())),
    /** An append to `end` whose delivery is heard late, while `behind` after it are not. */
    late: async (end: number, behind: number) => {
      pace.appended("t", 0, end);
      await clock.advance(10);
      pace.appended("t", 0, end + behind);
      await clock.advance(LIMITS.deliveryLagMs + 1);
      pace.published(publicationTo(end));
    },
  };
}

test("appends wait for nothing while deliveries are heard in time", async () => {
  const { clock, pace, holds } = setUp();
  for (let end = 10; end < 200; end += 10) {
    pace.appended("t", 0, end);
    await clock.advance(10);
    if (end > 50) pace.published(publicationTo(end - 40));
    expect(holds()).toBe(false);
  }
});

test("the next appends wait for a late delivery until it has caught up, in order", async () => {
  const { clock, pace, holds, went, late } = setUp();
  await late(100, 10);
  expect([holds(), holds()]).toEqual([true, true]);
  await clock.advance(20);
  expect(went).toEqual([]);
  pace.published(publicationTo(110));
  expect(went).toHaveLength(2);
  expect(holds()).toBe(false);
});

test("a few records that are late hold nothing up", async () => {
  const { holds, late } = setUp();
  await late(100, LIMITS.deliveryLagRecordsMin - 1);
  expect(holds()).toBe(false);
  await late(200, LIMITS.deliveryLagRecordsMin);
  expect(holds()).toBe(true);
});

test("no append waits for longer than deliveryHoldMs", async () => {
  const { clock, holds, went, late } = setUp();
  await late(100, 10);
  expect(holds()).toBe(true);
  await clock.advance(LIMITS.deliveryHoldMs - 1);
  expect(went).toEqual([]);
  await clock.advance(1);
  expect(went).toHaveLength(1);
});

test("one append waits for a delivery that stands still, and the next only once it is heard", async () => {
  const { clock, pace, holds, late } = setUp();
  await late(100, 20);
  expect(holds()).toBe(true);
  await clock.advance(LIMITS.deliveryHoldMs);
  expect(holds()).toBe(false);
  await clock.advance(1_000);
  expect(holds()).toBe(false);
  pace.published(publicationTo(105));
  expect(holds()).toBe(true);
});

test("a delivery is late however far it has fallen behind, until it is heard in time", async () => {
  const { clock, pace, holds, went } = setUp();
  for (let end = 1; end <= 1_000; end++) {
    pace.appended("t", 0, end);
    await clock.advance(2);
  }
  pace.published(publicationTo(10));
  expect(holds()).toBe(true);
  pace.published(publicationTo(970));
  expect(went).toHaveLength(0);
  pace.published(publicationTo(995));
  expect(went).toHaveLength(1);
  expect(holds()).toBe(false);
});

test("what was heard late a while ago holds nothing up", async () => {
  const { clock, holds, late } = setUp();
  await late(100, 10);
  await clock.advance(LIMITS.deliveryHoldMs + 1);
  expect(holds()).toBe(false);
});

test("a delivery that nobody hears here holds nothing up", async () => {
  const { clock, pace, holds } = setUp();
  for (let end = 10; end < 5_000; end += 10) {
    pace.appended("t", 0, end);
    await clock.advance(5);
    expect(holds()).toBe(false);
  }
});

test("a late partition holds up no other one", async () => {
  const { holds, late } = setUp();
  await late(100, 10);
  expect(holds(1)).toBe(false);
  expect(holds(0)).toBe(true);
});
