import { afterEach, expect, test } from "bun:test";
import { LagWatch, type PoolPosition } from "../../../../consumers/watch/lag-watch.ts";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const TOPIC = "chat.messages.acme";
let watch: LagWatch | undefined;
afterEach(() => watch?.close());

function setUp() {
  const clock = new SteppedClock();
  const telemetry = createMemoryTelemetry();
  const ends = new Map<number, number | undefined>();
  const asked: string[] = [];
  watch = new LagWatch({
    source: {
      ends: (partitions) => {
        asked.push(partitions.map(({ partition }) => partition).join());
        return Promise.resolve(partitions.map(({ partition }) => ends.get(partition)));
      },
    },
    clock,
    limits: limitsWith(),
    telemetry,
  });
  const value = (name: string, labels: Record<string, string>) =>
    telemetry.value(`tidegate_pool_${name}`, labels);
  return { clock, telemetry, watch, ends, asked, value };
}

const at = (partition: number, nextOffset: number, next?: string): PoolPosition => ({
  topic: TOPIC,
  partition,
  nextOffset,
  next,
});

test("a pool's lag is the sum of its partitions' records and the worst of their ages", async () => {
  const { clock, watch: lag, ends, asked, value } = setUp();
  lag.watch("delivery", { positions: () => [at(0, 10), at(1, 100)] });
  lag.watch("auditor", { positions: () => [at(0, 0)] });
  ends.set(0, 10).set(1, 100);
  await clock.advance(1_000);
  expect(value("lag_records", { pool: "delivery" })).toBe(0);
  expect(value("lag_seconds", { pool: "delivery" })).toBe(0);
  ends.set(0, 40).set(1, 105);
  await clock.advance(3_000);
  expect(asked.at(-1)).toBe("0,1");
  expect(value("lag_records", { pool: "delivery" })).toBe(35);
  expect(value("lag_records", { pool: "auditor" })).toBe(40);
  expect(value("lag_seconds", { pool: "delivery" })).toBe(3);
  expect(value("partitions", { pool: "delivery" })).toBe(2);
  const partition = { pool: "delivery", topic: TOPIC, partition: "0" };
  expect(value("partition_lag_records", partition)).toBe(30);
  expect(value("partition_lag_seconds", partition)).toBe(3);
});

test("of records that are older than the watch the gateway's stamp tells the age", async () => {
  const { clock, watch: lag, ends, value } = setUp();
  await clock.advance(100_000);
  const taken = clock.now() - 60_000;
  const next = `{"id":"a","type":"message.sent","timestamp":${taken}}`;
  lag.watch("delivery", { positions: () => [at(0, 5, next)] });
  ends.set(0, 10);
  await clock.advance(1_000);
  expect(value("lag_seconds", { pool: "delivery" })).toBe(61);
});

test("while the log does not answer the lag that was known grows older", async () => {
  const { clock, watch: lag, ends, value } = setUp();
  lag.watch("delivery", { positions: () => [at(0, 10)] });
  ends.set(0, 10);
  await clock.advance(1_000);
  ends.set(0, 20);
  await clock.advance(1_000);
  const before = value("lag_seconds", { pool: "delivery" }) ?? 0;
  ends.set(0, undefined);
  await clock.advance(5_000);
  expect(value("lag_records", { pool: "delivery" })).toBe(10);
  expect(value("lag_seconds", { pool: "delivery" })).toBe(before + 5);
});

test("the log's ends are asked for every lagIntervalMs, and no more when it is closed", async () => {
  const { clock, watch: lag, asked } = setUp();
  lag.watch("delivery", { positions: () => [at(0, 0)] });
  const { lagIntervalMs } = limitsWith();
  await clock.advance(5 * lagIntervalMs);
  expect(asked).toHaveLength(5);
  lag.close();
  await clock.advance(5 * lagIntervalMs);
  expect(asked).toHaveLength(5);
});

test("a partition that was given up has no series any more", async () => {
  const { clock, watch: lag, ends, value } = setUp();
  let positions = [at(0, 0), at(1, 0)];
  lag.watch("delivery", { positions: () => positions });
  ends.set(0, 1).set(1, 1);
  await clock.advance(1_000);
  positions = [at(1, 0)];
  await clock.advance(1_000);
  const labels = { pool: "delivery", topic: TOPIC };
  expect(value("partition_lag_records", { ...labels, partition: "0" })).toBeUndefined();
  expect(value("partition_lag_records", { ...labels, partition: "1" })).toBe(1);
  expect(value("lag_records", { pool: "delivery" })).toBe(1);
});
