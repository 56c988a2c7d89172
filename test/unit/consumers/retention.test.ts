import { expect, test } from "bun:test";
import { Retention } from "../../../consumers/retention/retention.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { Expired, Expiry, PartitionId } from "../../../src/ports/message-store.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const INTERVAL_MS = 1_000;
const RETENTION_MS = 60_000;
const LIMITS = limitsWith({
  retentionIntervalMs: INTERVAL_MS,
  retentionBatchesMax: 8,
  retentionPauseMs: 50,
  drainDeadlineMs: 2_000,
});

interface Call {
  readonly partition: PartitionId;
  readonly expiry: Expiry;
  readonly pause: () => Promise<boolean>;
  readonly end: (outcome: Expired | AppError) => void;
}

/** A pool on a store of two partitions, whose answers the test gives. */
async function setUp() {
  const clock = new SteppedClock();
  const telemetry = createMemoryTelemetry();
  const calls: Call[] = [];
  const partitions = [0, 1].map((partition) => ({ topic: "t", partition, nextOffset: 9 }));
  const retention = new Retention({
    store: {
      offsets: () => Promise.resolve(partitions),
      expire: (partition, expiry, pause = () => Promise.resolve(true)) =>
        new Promise<Expired>((resolve, reject) => {
          const end = (outcome: Expired | AppError): void =>
            outcome instanceof AppError ? reject(outcome) : resolve(outcome);
          calls.push({ partition, expiry, pause, end });
        }),
    },
    retentionMs: RETENTION_MS,
    clock,
    random: { next: () => 0.5 } as never,
    limits: LIMITS,
    telemetry,
  });
  await clock.advance(0);
  const answer = async (outcome: Expired | AppError): Promise<Call> => {
    expect(calls).toHaveLength(1);
    const call = calls.shift() as Call;
    call.end(outcome);
    await clock.advance(0);
    return call;
  };
  return { clock, telemetry, calls, retention, answer };
}

const removed = (events: number, oldestAt?: number): Expired => ({ events, oldestAt });

test("a round goes over all partitions one after another, and the next one comes later", async () => {
  const { clock, telemetry, calls, retention, answer } = await setUp();
  const first = await answer(removed(3, clock.now() - 5_000));
  expect(first.partition).toEqual({ topic: "t", partition: 0 });
  expect(first.expiry).toEqual({
    storedBefore: clock.now() - RETENTION_MS,
    batchesMax: 8,
    windowOffsets: LIMITS.windowOffsets,
  });
  expect((await answer(removed(4, clock.now() - 9_000))).partition.partition).toBe(1);
  expect(telemetry.value("tidegate_retention_events_total")).toBe(7);
  expect(telemetry.value("tidegate_retention_rounds_total")).toBe(1);
  expect(telemetry.value("tidegate_retention_oldest_seconds")).toBe(9);
  await clock.advance(INTERVAL_MS - 1);
  expect(calls).toHaveLength(0);
  await clock.advance(1);
  expect(calls).toHaveLength(1);
  await answer(removed(0));
  await answer(removed(0));
  expect(telemetry.value("tidegate_retention_oldest_seconds")).toBe(0);
  await retention.close();
});

test("between two transactions it pauses", async () => {
  const { clock, calls, retention, answer } = await setUp();
  let goesOn: boolean | undefined;
  void calls[0]?.pause().then((value) => (goesOn = value));
  await clock.advance(LIMITS.retentionPauseMs - 1);
  expect(goesOn).toBeUndefined();
  await clock.advance(1);
  expect(goesOn).toBe(true);
  const closing = retention.close();
  await answer(removed(0));
  await closing;
});

test("a partition that fails leaves the others their turn, and the next round takes smaller steps", async () => {
  const { clock, telemetry, calls, retention, answer } = await setUp();
  const sizes: number[] = [];
  for (let i = 0; i < 5; i++) {
    sizes.push((await answer(new AppError("store_unavailable"))).expiry.batchesMax);
    await clock.advance(LIMITS.retentionPauseMs);
    expect((await answer(removed(1))).partition.partition).toBe(1);
    await clock.advance(INTERVAL_MS);
  }
  expect(sizes).toEqual([8, 4, 2, 1, 1]);
  expect(telemetry.value("tidegate_retention_failures_total")).toBe(5);
  expect(telemetry.value("tidegate_retention_events_total")).toBe(5);
  await answer(removed(0));
  await answer(removed(0));
  await clock.advance(INTERVAL_MS);
  expect(calls[0]?.expiry.batchesMax).toBe(2);
  const closing = retention.close();
  await answer(removed(0));
  await closing;
});

test("it ends after the transaction at hand, without a further partition", async () => {
  const { calls, retention, answer } = await setUp();
  const pausing = calls[0]?.pause();
  const closing = retention.close();
  expect(await pausing).toBe(false);
  await answer(removed(1));
  await closing;
  expect(calls).toHaveLength(0);
});

test("a store that hangs does not keep it beyond half of the drain's time", async () => {
  const { clock, retention } = await setUp();
  let isOver = false;
  void retention.close().then(() => (isOver = true));
  await clock.advance(LIMITS.drainDeadlineMs / 2 - 1);
  expect(isOver).toBe(false);
  await clock.advance(1);
  expect(isOver).toBe(true);
});
