import { expect, test } from "bun:test";
import { readProducerOutput } from "../../../load/bench/kafka-producer.ts";
import { joinRounds, median } from "../../../load/bench/rounds.ts";
import { slopePerHour } from "../../../load/slope.ts";

test("takes the median of each figure and says how far the rounds lie apart", () => {
  const joined = joinRounds(
    [50_000, 70_000, 60_000].map((acked_per_s) => ({ acked_per_s, p99_ms: acked_per_s / 1000 })),
  );
  expect(joined).toEqual({
    acked_per_s: 60_000,
    p99_ms: 60,
    rounds: 3,
    spread: { acked_per_s: [50_000, 70_000], p99_ms: [50, 70] },
  });
});

test("adds up what went wrong in any round", () => {
  const joined = joinRounds([
    { lost: 1, duplicate: 0, cpu_percent: { gateway: 40, kafka: 10 } },
    { lost: 2, duplicate: 0, cpu_percent: { gateway: 60 } },
  ]);
  expect(joined).toMatchObject({ lost: 3, duplicate: 0, cpu_percent: { gateway: 50 } });
});

test("takes the mean of the two in the middle of an even count", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("reads what Kafka's producer benchmark prints, without its warm-up", () => {
  const line = (rate: number): string =>
    `${rate * 5} records sent, ${rate}.0 records/sec (90.1 MB/sec), 3.1 ms avg latency, 40.0 ms max latency.`;
  const last =
    "900000 records sent, 150000.5 records/sec (71.5 MB/sec), 9.0 ms avg latency, 99.0 ms max latency, 5 ms 50th, 30 ms 95th, 44 ms 99th, 61 ms 99.9th.";
  const output = [...[90_000, 140_000, 200_000, 210_000, 220_000, 80_000].map(line), last].join(
    "\n",
  );
  expect(readProducerOutput(output)).toMatchObject({
    acked_per_s: 210_000,
    p50_ms: 5,
    p99_ms: 44,
    p999_ms: 61,
  });
});

test("fits a line to what a process takes, for an hour", () => {
  const rising = [0, 10, 20, 30].map(
    (s) => [s, 100 + s / 10 + (s % 20 === 0 ? 0.1 : -0.1)] as const,
  );
  expect(slopePerHour(rising)).toBeCloseTo(345.6, 1);
  expect(slopePerHour([[5, 100]])).toBe(0);
});
