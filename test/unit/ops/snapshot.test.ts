import { expect, test } from "bun:test";
import { createMemorySnapshotBoard } from "../../../src/adapters/memory/snapshot-board.ts";
import { createPrometheusTelemetry } from "../../../src/adapters/prometheus/telemetry.ts";
import { AppError } from "../../../src/errors.ts";
import { Health } from "../../../src/health.ts";
import { limitsWith } from "../../../src/limits.ts";
import { overview } from "../../../src/ops/overview.ts";
import { Reporter } from "../../../src/ops/reporter.ts";
import { LAG_RECORDS, LAG_SECONDS, LATENCY } from "../../../src/ops/shown.ts";
import { busiest, metricPart } from "../../../src/ops/snapshot.ts";
import type { SnapshotBoard } from "../../../src/ports/snapshot-board.ts";
import { overviewSchema } from "../../../src/wire/admin.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const limits = limitsWith();

function telemetryOn(clock: ReturnType<typeof schedulerClock>) {
  return createPrometheusTelemetry({ clock, limits, level: "error", write: () => {} });
}

test("a snapshot has the numbers that the page shows, and nothing of what a process lacks", async () => {
  const telemetry = telemetryOn(schedulerClock(new Scheduler()));
  const spec = (name: string, labels: Record<string, string> = {}) => ({ name, help: "h", labels });
  telemetry.counter(spec("tidegate_sends_failed_total", { code: "a" })).value = 2;
  telemetry.counter(spec("tidegate_sends_failed_total", { code: "b" })).value = 3;
  telemetry.counter(spec("tidegate_something_else_total")).value = 9;
  telemetry.gauge(spec("tidegate_pool_lag_seconds", { pool: "delivery" }), () => 2);
  // Slow on purpose: nobody waits for it.
  telemetry.gauge(spec("tidegate_pool_lag_seconds", { pool: "auditor" }), () => 500);
  telemetry.gauge(spec("tidegate_connections"), () => Number.NaN);
  for (const stage of ["written", "stored"]) {
    const histogram = telemetry.histogram({ ...spec(LATENCY, { stage }), buckets: [0.1, 1] });
    for (const value of [0.05, 0.5, 0.6, 7]) histogram.observe(value);
  }
  const behind = { pool: "auditor", topic: "t", partition: "0" };
  telemetry.gauge(spec(LAG_RECORDS, behind), () => 1e6);
  for (const [partition, records] of Object.entries({ "0": 4, "1": 90, "2": 7 }))
    for (const [name, value] of [
      [LAG_RECORDS, records],
      [LAG_SECONDS, records / 10],
    ] as const)
      telemetry.gauge(spec(name, { pool: "delivery", topic: "t", partition }), () => value);
  const part = metricPart(await telemetry.read(() => true), 2);
  expect(part.numbers).toMatchObject({
    tidegate_sends_failed_total: 5,
    tidegate_pool_lag_seconds: 2,
  });
  expect(part.numbers).not.toHaveProperty("tidegate_connections");
  expect(part.numbers).not.toHaveProperty("tidegate_something_else_total");
  expect(part.distributions[`${LATENCY}{written}`]).toEqual({
    bounds: [0.1, 1],
    counts: [1, 2, 1],
    sum: 8.15,
  });
  expect(part.distributions[`${LATENCY}{stored}`]?.counts).toEqual([1, 2, 1]);
  expect(part.lag).toEqual([
    { pool: "delivery", topic: "t", partition: "1", records: 90, seconds: 9 },
    { pool: "delivery", topic: "t", partition: "2", records: 7, seconds: 0.7 },
  ]);
  telemetry.close();
});

test("of more tenants than snapshotTenantsMax the busiest are told", () => {
  const tenants = [1, 9, 4].map((sends) => {
    return { name: `t${sends}`, sends, rate_limited: 0, delivered: 0, connections: 0 };
  });
  expect(busiest(tenants, 2).map(({ name }) => name)).toEqual(["t9", "t4"]);
});

async function world(board?: SnapshotBoard) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const shared = board ?? createMemorySnapshotBoard({ clock, limits });
  const telemetry = telemetryOn(clock);
  const start = (name: string) =>
    new Reporter({
      board: shared,
      name,
      kind: "gateway",
      pools: [],
      read: (wanted) => telemetry.read(wanted),
      health: new Health(),
      clock,
      limits,
      telemetry,
    });
  const one = start("gateway/a");
  const traceUrl = "http://traces.test/{trace}";
  const look = () => overview({ board: shared, reporter: one, clock, limits, traceUrl });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  await settle();
  return { scheduler, clock, board: shared, telemetry, start, one, look, settle };
}

test("every process is shown; one that is silent for three times snapshotIntervalMs is missed", async () => {
  const { clock, board, start, one, look, settle } = await world();
  const other = start("consumers/b");
  await settle();
  const first = await look();
  expect(overviewSchema.parse(first)).toEqual(first);
  expect(first.processes.map(({ name, missing }) => [name, missing])).toEqual([
    ["consumers/b", false],
    ["gateway/a", false],
  ]);
  expect(first.trace_url).toBe("http://traces.test/{trace}");
  await other.close();
  expect((await look()).processes.map(({ name }) => name)).toEqual(["gateway/a"]);
  await board.put("gateway/c", JSON.stringify(await one.snapshot()));
  await board.put("gateway/alien", '{"version":"of another time"}');
  const old: SnapshotBoard = {
    ...board,
    all: async () =>
      (await board.all()).map((snapshot) => ({
        ...snapshot,
        ageMs: 3 * limits.snapshotIntervalMs + 1,
      })),
  };
  const late = await overview({ board: old, reporter: one, clock, limits, traceUrl: undefined });
  expect(late.processes.map(({ name, missing }) => [name, missing])).toEqual([
    ["gateway/a", false],
    ["gateway/c", true],
  ]);
  await one.close();
});

test("while the board is away a process shows itself, says why, and counts what it could not say", async () => {
  const away = () => Promise.reject(new AppError("backplane_unavailable", "Redis is away"));
  const { telemetry, look, one } = await world({ put: away, all: away, remove: away });
  const seen = await look();
  expect(seen.fault).toBe("Redis is away");
  expect(seen.processes.map(({ name }) => name)).toEqual(["gateway/a"]);
  await one.close();
  expect(await telemetry.scrape()).toMatch(/^tidegate_ops_snapshot_failures_total [1-9]/m);
});

test("a snapshot has at most snapshotLagMax partitions", async () => {
  const { telemetry, one } = await world();
  for (let partition = 0; partition < 80; partition++)
    telemetry.gauge(
      {
        name: LAG_RECORDS,
        help: "h",
        labels: { pool: "p", topic: "t", partition: String(partition) },
      },
      () => partition,
    );
  expect((await one.snapshot()).lag).toHaveLength(limits.snapshotLagMax);
  await one.close();
});
