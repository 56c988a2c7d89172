import { expect, test } from "bun:test";
import { Meter } from "../../../gateway/web/browser/ops/meter.ts";
import { problemsOf } from "../../../gateway/web/browser/ops/problems.ts";
import { linearScale, logScale } from "../../../gateway/web/browser/ops/scale.ts";
import type { Overview, ProcessSnapshot } from "../../../src/wire/admin.ts";

const SENDS = "tidegate_sends_accepted_total";
const LATENCY = "tidegate_message_latency_seconds{written}";

const POOLS = ["delivery", "auditor"];

function snapshot(change: Partial<ProcessSnapshot>): ProcessSnapshot {
  return {
    kind: "gateway",
    pools: [],
    started: 1,
    at: 0,
    health: { status: "ready", checks: { log: "ok" } },
    numbers: {},
    distributions: {},
    lag: [],
    tenants: [],
    ...change,
  };
}

function look(now: number, processes: Record<string, ProcessSnapshot>, missing = ""): Overview {
  return {
    now,
    process: "a",
    interval_ms: 2_000,
    processes: Object.entries(processes).map(([name, one]) => ({
      name,
      age_ms: 0,
      missing: name === missing,
      snapshot: one,
    })),
  };
}

const sent = (total: number, at: number, started = 1) =>
  snapshot({ at, started, numbers: { [SENDS]: total, tidegate_connections: 2 } });

test("rates are those of all processes, each by its own clock", () => {
  const meter = new Meter();
  expect(meter.take(look(0, { a: sent(100, 0), b: sent(5, 70_000) })).rate(SENDS)).toBeUndefined();
  const moment = meter.take(look(1_000, { a: sent(200, 1_000), b: sent(45, 72_000) }));
  expect(moment.rate(SENDS)).toBe(120);
  expect(moment.rateOf("b", SENDS)).toBe(20);
  expect(moment.level("tidegate_connections")).toBe(4);
  expect(moment.level("tidegate_nothing")).toBeUndefined();
});

test("a process that has not said anything new keeps its rate, and one that started again begins anew", () => {
  const meter = new Meter();
  meter.take(look(0, { a: sent(0, 0) }));
  meter.take(look(1_000, { a: sent(50, 1_000) }));
  expect(meter.take(look(2_000, { a: sent(50, 1_000) })).rate(SENDS)).toBe(50);
  expect(meter.take(look(3_000, { a: sent(7, 100, 2) })).rate(SENDS)).toBeUndefined();
  expect(meter.take(look(4_000, { a: sent(9, 1_100, 2) })).rate(SENDS)).toBe(2);
});

test("a process that has vanished counts no more", () => {
  const meter = new Meter();
  meter.take(look(0, { a: sent(0, 0), b: sent(0, 0) }));
  meter.take(look(1_000, { a: sent(10, 1_000), b: sent(10, 1_000) }));
  const moment = meter.take(look(2_000, { a: sent(20, 2_000), b: sent(10, 1_000) }, "b"));
  expect(moment.rate(SENDS)).toBe(10);
  expect(moment.level("tidegate_connections")).toBe(2);
});

test("what all processes tell of the same thing is not added up", () => {
  const meter = new Meter();
  const rows = (depth: number) =>
    snapshot({ numbers: { tidegate_outbox_depth: depth, tidegate_pool_lag_records: depth } });
  const moment = meter.take(look(0, { a: rows(7), b: rows(9) }));
  expect(moment.level("tidegate_outbox_depth")).toBe(9);
  expect(moment.level("tidegate_pool_lag_records")).toBe(16);
});

test("a distribution is that of the last seconds, whatever was before", () => {
  const meter = new Meter();
  const seen = (counts: number[], at: number) =>
    snapshot({ at, distributions: { [LATENCY]: { bounds: [0.01, 0.1], counts, sum: 0 } } });
  meter.take(look(0, { a: seen([1_000, 0, 0], 0) }));
  expect(
    meter.take(look(1_000, { a: seen([1_001, 0, 0], 1_000) })).recent(LATENCY)?.counts,
  ).toEqual([1, 0, 0]);
  meter.take(look(6_000, { a: seen([1_001, 4, 0], 6_000) }));
  const late = meter.take(look(12_000, { a: seen([1_001, 4, 2], 12_000) }));
  expect(late.recent(LATENCY)?.counts).toEqual([0, 4, 2]);
  expect(late.recentOf("a", LATENCY)?.counts).toEqual([0, 4, 2]);
  expect(late.distributions).toEqual([LATENCY]);
});

test("tenants are added up over the processes", () => {
  const meter = new Meter();
  const use = (sends: number, at: number) =>
    snapshot({
      at,
      tenants: [{ name: "acme", sends, delivered: sends * 2, rate_limited: 0, connections: 1 }],
    });
  meter.take(look(0, { a: use(0, 0), b: use(0, 0) }));
  const moment = meter.take(look(1_000, { a: use(5, 1_000), b: use(7, 1_000) }));
  expect(moment.tenantRate("acme", "sends")).toBe(12);
  expect(moment.tenantRate("acme", "delivered")).toBe(24);
  expect(moment.tenantRate("nobody", "sends")).toBe(0);
});

test("all is well until something is not, and the worst comes first", () => {
  const meter = new Meter();
  const well = look(0, { a: snapshot({ pools: POOLS }), b: snapshot({ pools: POOLS }) });
  expect(problemsOf(well, meter.take(well), 0)).toEqual([]);
  const ill = look(
    1_000,
    {
      a: snapshot({
        at: 1_000,
        pools: POOLS,
        numbers: { tidegate_audit_lost_total: 1, tidegate_pool_lag_seconds: 3 },
        health: { status: "ready", checks: { log: "ok", redis: "degraded: is away" } },
      }),
      b: snapshot({ kind: "consumers" }),
    },
    "b",
  );
  const found = problemsOf(ill, meter.take(ill), 2);
  expect(found.map(({ tone }) => tone)).toEqual(["bad", "bad", "warn", "warn", "warn"]);
  const text = found.map(({ title }) => title).join("\n");
  for (const part of [
    "1 lost",
    "b has vanished",
    "a · redis",
    "Delivery is behind",
    "2 dead letters",
  ])
    expect(text).toContain(part);
});

test("pools that nobody runs are missed, but not by a gateway that knows of itself alone", () => {
  const titles = (overview: Overview): string[] =>
    problemsOf(overview, new Meter().take(overview), 0).map(({ title }) => title);
  const gateway = snapshot({});
  const both = ["No delivery pool runs", "No auditor runs"];
  expect(titles(look(0, { g: gateway }))).toEqual(both);
  expect(titles(look(0, { g: gateway, c: snapshot({ pools: ["delivery"] }) }))).toEqual([
    "No auditor runs",
  ]);
  expect(titles(look(0, { g: gateway, c: snapshot({ pools: POOLS }) }, "c"))).toEqual([
    "No delivery pool runs",
    "c has vanished",
    "No auditor runs",
  ]);
  expect(titles({ ...look(0, { g: gateway }), fault: "Redis is away" })).toEqual([
    "Only this process is shown",
  ]);
});

test("partitions without a worker or a leader are told, however many processes count them", () => {
  const of = (numbers: Record<string, number>) => snapshot({ pools: POOLS, numbers });
  const said = (owned: number, offline: number, behind: number) => {
    const numbers = {
      tidegate_kafka_partitions: 8,
      tidegate_kafka_partitions_offline: offline,
      tidegate_kafka_partitions_under_replicated: behind,
    };
    const seen = look(0, {
      a: of({ ...numbers, tidegate_delivery_partitions: 5 }),
      b: of({ ...numbers, tidegate_delivery_partitions: owned - 5 }),
    });
    return problemsOf(seen, new Meter().take(seen), 0).map(({ tone, title }) => [tone, title]);
  };
  expect(said(8, 0, 0)).toEqual([]);
  // A tenant that is new: its partitions have workers before the next look at Kafka.
  expect(said(10, 0, 0)).toEqual([]);
  expect(said(7, 0, 5)).toEqual([
    ["warn", "1 partition has no delivery worker"],
    ["warn", "5 partitions have too few copies"],
  ]);
  expect(said(8, 2, 6)).toEqual([
    ["bad", "2 partitions have no leader"],
    ["bad", "6 partitions have too few copies"],
  ]);
});

test("one of something is not said to be many", () => {
  const titles = (value: number): string[] => {
    const numbers = Object.fromEntries(
      [
        "delivery_partitions_halted",
        "kafka_partitions",
        "kafka_partitions_offline",
        "kafka_partitions_under_replicated",
        "partitions_diverted",
        "outbox_depth",
        "relay_tailed_partitions",
      ].map((name) => [`tidegate_${name}`, value]),
    );
    const seen = look(0, { a: snapshot({ pools: POOLS, numbers }) });
    return problemsOf(seen, new Meter().take(seen), value).map(({ title }) => title);
  };
  expect(titles(1).toSorted()).toEqual([
    "1 dead letter waits",
    "1 partition goes to the outbox",
    "1 partition has no delivery worker",
    "1 partition has no leader",
    "1 partition has too few copies",
    "1 partition is halted",
    "1 partition is read from the store",
    "1 row waits in the outbox",
  ]);
  expect(titles(1_200)).toContain("1,200 rows wait in the outbox");
});

test("axes begin and end at round numbers around what they show", () => {
  expect(linearScale(2_300).ticks).toEqual([0, 1_000, 2_000, 3_000]);
  expect(linearScale(0).place(0)).toBe(0);
  const { ticks, place } = logScale(0.004, 0.3);
  expect(ticks.map((tick) => Number(tick.toPrecision(1)))).toEqual([0.001, 0.01, 0.1, 1]);
  expect(place(0.001)).toBeCloseTo(0);
  expect(place(1)).toBeCloseTo(1);
  expect(place(0)).toBe(0);
});
