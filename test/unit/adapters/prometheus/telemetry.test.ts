import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  createPrometheusTelemetry,
  type PrometheusTelemetry,
} from "../../../../src/adapters/prometheus/telemetry.ts";
import { createSystemClock } from "../../../../src/adapters/system/clock.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { sampleOf } from "../../../support/exposition.ts";

let telemetry: PrometheusTelemetry;
let lines: Record<string, unknown>[];
beforeEach(() => {
  lines = [];
  telemetry = createPrometheusTelemetry({
    clock: createSystemClock(),
    limits: limitsWith({ metricSeriesMax: 3 }),
    level: "info",
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
});
afterEach(() => telemetry.close());

describe("scrape", () => {
  test("a histogram is rendered with cumulative buckets, each including its bound", async () => {
    const histogram = telemetry.histogram({
      name: "tidegate_test_wait_seconds",
      help: "How long",
      buckets: [0.1, 1],
      labels: { verb: "send" },
    });
    for (const value of [0, 0.1, 0.5, 1, 30]) histogram.observe(value);
    const text = await telemetry.scrape();
    expect(
      text
        .trim()
        .split("\n\n")
        .find((family) => family.includes("test_wait")),
    ).toBe(
      [
        "# HELP tidegate_test_wait_seconds How long",
        "# TYPE tidegate_test_wait_seconds histogram",
        'tidegate_test_wait_seconds_bucket{verb="send",le="0.1"} 2',
        'tidegate_test_wait_seconds_bucket{verb="send",le="1"} 4',
        'tidegate_test_wait_seconds_bucket{verb="send",le="+Inf"} 5',
        'tidegate_test_wait_seconds_sum{verb="send"} 31.6',
        'tidegate_test_wait_seconds_count{verb="send"} 5',
      ].join("\n"),
    );
  });

  test("memory, processor time and event-loop delay of the process are there", async () => {
    let text = "";
    do {
      await new Promise<void>((resolve) => void createSystemClock().after(1, resolve));
      text = await telemetry.scrape();
    } while (!sampleOf(text, "tidegate_event_loop_delay_seconds_count"));
    expect(sampleOf(text, "process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
    expect(sampleOf(text, "process_cpu_seconds_total")).toBeGreaterThan(0);
    const start = sampleOf(text, "process_start_time_seconds") ?? 0;
    expect(Date.now() / 1000 - start).toBeWithin(0, 3_600);
  });

  test("a gauge that throws shows no number and hides no other", async () => {
    telemetry.gauge({ name: "tidegate_test_broken", help: "Broken" }, () => {
      throw new Error("away");
    });
    telemetry.gauge({ name: "tidegate_test_sound", help: "Sound" }, () => 1);
    const text = await telemetry.scrape();
    expect(sampleOf(text, "tidegate_test_broken")).toBeNaN();
    expect(sampleOf(text, "tidegate_test_sound")).toBe(1);
    expect(lines).toMatchObject([{ level: "error", metric: "tidegate_test_broken" }]);
  });

  test("series beyond the limit are not exported, and one warning says so", async () => {
    for (let i = 0; i < 6; i++) {
      const labels = { shard: String(i) };
      telemetry.counter({ name: "tidegate_test_things_total", help: "Things", labels }).value = i;
    }
    const text = await telemetry.scrape();
    expect(text.match(/^tidegate_test_things_total/gm)).toHaveLength(3);
    expect(lines).toMatchObject([
      { level: "warn", metric: "tidegate_test_things_total", limit: 3 },
    ]);
  });

  test("of more readings than there may be the largest are told", async () => {
    telemetry.readings({ name: "tidegate_test_lag_records", help: "Lag" }, () =>
      [3, 9, 1, 7, 5].map((value) => ({ labels: { partition: String(value) }, value })),
    );
    const text = await telemetry.scrape();
    expect(text.match(/^tidegate_test_lag_records.*$/gm)).toEqual([
      'tidegate_test_lag_records{partition="9"} 9',
      'tidegate_test_lag_records{partition="7"} 7',
      'tidegate_test_lag_records{partition="5"} 5',
    ]);
  });

  test("readings that cannot be read are none, and hide no other metric", async () => {
    telemetry.readings({ name: "tidegate_test_lag_records", help: "Lag" }, () => {
      throw new Error("away");
    });
    telemetry.gauge({ name: "tidegate_test_sound", help: "Sound" }, () => 1);
    expect(sampleOf(await telemetry.scrape(), "tidegate_test_sound")).toBe(1);
    expect(lines).toMatchObject([{ level: "error", metric: "tidegate_test_lag_records" }]);
  });

  test("the reference page can list every metric", () => {
    expect(telemetry.metrics()).toContainEqual({
      name: "process_resident_memory_bytes",
      type: "gauge",
      help: "Memory of the process that is in RAM",
    });
  });
});

test("an observation takes less than 50 ns and allocates nothing", () => {
  const histogram = telemetry.histogram({
    name: "tidegate_test_wait_seconds",
    help: "How long",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  const rounds = 1_000_000;
  const runNs = (): number => {
    const startNs = Bun.nanoseconds();
    for (let i = 0; i < rounds; i++) histogram.observe((i & 1023) / 256);
    return (Bun.nanoseconds() - startNs) / rounds;
  };
  // The best of some runs: what the code costs, not what the machine was busy with.
  const best = Math.min(...Array.from({ length: 8 }, runNs));
  expect(best).toBeLessThan(50);

  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  runNs();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(rounds);
});
