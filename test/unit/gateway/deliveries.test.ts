import { expect, test } from "bun:test";
import { Deliveries } from "../../../gateway/deliveries.ts";
import { TenantTallies } from "../../../gateway/tenant-tally.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import type { PublishedRun } from "../../../src/ports/backplane.ts";

const NAME = "tidegate_message_latency_seconds";

function setUp() {
  const telemetry = createMemoryTelemetry();
  const tallies = new TenantTallies(1);
  const deferred: (() => void)[] = [];
  const time = { now: 1_000 };
  const clock = {
    now: () => time.now,
    defer: (run: () => void): void => void deferred.push(run),
  };
  const delivered = { value: 0 };
  const deliveries = new Deliveries({ clock, telemetry, tallies }, delivered);
  const of = (stage: string) => telemetry.distribution(NAME, { stage });
  return { tallies, deferred, time, delivered, deliveries, of };
}

const run = (tenant: string): PublishedRun => ({
  tenant,
  conversation: "general",
  epoch: "e",
  firstSeq: 1,
  offsets: [1],
  events: ['{"id":"a","type":"message.sent","timestamp":900}'],
});

test("publications are measured when they are heard, and again when the turn's writes are done", () => {
  const { deliveries, delivered, time, deferred, of } = setUp();
  deliveries.of([run("acme")], () => (delivered.value += 3));
  deliveries.of([run("acme")], () => (delivered.value += 1));
  expect(of("published")).toMatchObject({ count: 4 });
  expect(of("written")).toMatchObject({ count: 0 });
  expect(deferred).toHaveLength(1);
  time.now = 1_100;
  deferred[0]?.();
  expect(of("published")?.sum).toBeCloseTo(0.4);
  expect(of("written")).toMatchObject({ count: 4 });
  expect(of("written")?.sum).toBeCloseTo(0.8);
});

test("a publication without a reader here is not measured", () => {
  const { deliveries, deferred, of } = setUp();
  deliveries.of([run("acme")], () => {});
  expect(of("published")).toMatchObject({ count: 0 });
  expect(deferred).toHaveLength(0);
});

test("each run counts for its tenant, and tenants beyond tenantTalliesMax for none", () => {
  const { deliveries, delivered, tallies } = setUp();
  const runs = [run("acme"), run("beta"), run("acme")];
  deliveries.of(runs, () => (delivered.value += 2));
  expect([...tallies.all()]).toMatchObject([{ name: "acme", delivered: 4 }]);
});
