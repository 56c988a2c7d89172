import { afterEach, expect, test } from "bun:test";
import { LogWatch } from "../../../../consumers/watch/log-watch.ts";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../../../src/errors.ts";
import { limitsWith } from "../../../../src/limits.ts";
import type { ClusterState } from "../../../../src/ports/log-cluster.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const TOPIC = "chat.messages.acme";
const LOOK_MS = limitsWith().logWatchIntervalMs;
let watch: LogWatch | undefined;
afterEach(() => watch?.close());

function setUp() {
  const clock = new SteppedClock();
  const telemetry = createMemoryTelemetry();
  const cluster = {
    inSync: [
      [1, 2, 3],
      [1, 2, 3],
    ] as readonly (readonly number[])[],
    away: false,
  };
  const letters = { start: 0, end: 0, made: false };
  watch = new LogWatch({
    log: {
      describeTopic: (name) =>
        Promise.resolve(letters.made ? { name, incarnation: "a", partitions: 1 } : undefined),
      range: () => Promise.resolve({ start: letters.start, end: letters.end }),
    },
    cluster: {
      state(): Promise<ClusterState> {
        if (cluster.away) return Promise.reject(new AppError("log_unavailable"));
        return Promise.resolve({
          brokers: [1, 2, 3],
          partitions: cluster.inSync.map((inSync, partition) => ({
            topic: TOPIC,
            partition,
            leader: inSync[0] ?? -1,
            replicas: [1, 2, 3],
            inSync,
          })),
        });
      },
      disks: () => Promise.resolve([{ broker: 1, sizeBytes: 1_000, freeBytes: 250 }]),
    },
    catalog: { topics: () => [TOPIC] },
    clock,
    limits: limitsWith(),
    telemetry,
  });
  const value = (name: string, labels = {}) => telemetry.value(`tidegate_${name}`, labels);
  return { clock, cluster, letters, telemetry, value };
}

test("nothing is told of the cluster before it was looked at", async () => {
  const { clock, value } = setUp();
  expect(value("kafka_partitions_under_replicated")).toBeUndefined();
  await clock.advance(1);
  expect(value("kafka_partitions_under_replicated")).toBe(0);
  expect(value("kafka_brokers")).toBe(3);
  expect(value("kafka_disk_used_ratio", { broker: "1" })).toBe(0.75);
});

test("copies that fall behind, come back, and leaders that are gone are told", async () => {
  const { clock, cluster, value } = setUp();
  await clock.advance(1);
  cluster.inSync = [[1, 2], []];
  await clock.advance(LOOK_MS);
  expect(value("kafka_isr_shrinks_total")).toBe(2);
  expect(value("kafka_partitions_under_replicated")).toBe(2);
  expect(value("kafka_partitions_offline")).toBe(1);
  cluster.inSync = [
    [1, 2, 3],
    [1, 2],
  ];
  await clock.advance(LOOK_MS);
  expect(value("kafka_isr_shrinks_total")).toBe(2);
  expect(value("kafka_isr_expands_total")).toBe(2);
  expect(value("kafka_partitions_offline")).toBe(0);
});

test("a look that fails is counted, and the next one follows", async () => {
  const { clock, cluster, telemetry, value } = setUp();
  cluster.away = true;
  await clock.advance(1);
  expect(value("log_watch_failures_total")).toBe(1);
  expect(telemetry.lines).toMatchObject([{ level: "warn", fields: { what: "partitions" } }]);
  cluster.away = false;
  await clock.advance(LOOK_MS);
  expect(value("kafka_brokers")).toBe(3);
});

test("dead letters that are kept are counted from their topic, none while it is not there", async () => {
  const { clock, letters, value } = setUp();
  await clock.advance(1);
  expect(value("dead_letters", { pool: "delivery" })).toBe(0);
  Object.assign(letters, { made: true, start: 3, end: 10 });
  await clock.advance(LOOK_MS);
  expect(value("dead_letters", { pool: "delivery" })).toBe(7);
});
