import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Admin, ConfigResourceTypes } from "@platformatic/kafka";
import { createKafkaEventLog, type KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { limitsWith } from "../../src/limits.ts";
import type { TopicSpec } from "../../src/topics.ts";
import { HOUR_MS, record, records, spec } from "../conformance/event-log-kit.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { heedless } from "../support/kafka-client.ts";
import { cleanUp, kafkaSettings, openKafkaLog } from "../support/kafka-log.ts";
import { rejection } from "../support/rejection.ts";
import { createScope, type Scope } from "../support/scoped-log.ts";
import { useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(60_000);

let brokers: readonly string[];
let log: KafkaEventLog;
let admin: Admin;
let scope: Scope;

beforeAll(async () => {
  brokers = (await useKafka()).brokers;
  log = openKafkaLog(brokers);
  admin = heedless(new Admin({ clientId: "tidegate-test", bootstrapBrokers: [...brokers] }));
  scope = createScope();
});

afterAll(async () => {
  await log.close();
  await admin.close();
  await cleanUp(brokers, scope);
});

function named(name: string, changes: Partial<TopicSpec> = {}): TopicSpec {
  const full = { ...spec(scope.prefix + name), ...changes };
  scope.topics.add(full.name);
  return full;
}

async function configOf(topic: string): Promise<Map<string, string | null | undefined>> {
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
  const [found] = await admin.describeConfigs({ resources: [resource] });
  return new Map(found?.configs.map(({ name, value }) => [name, value]));
}

test("a topic is made as the catalog says", async () => {
  const { topicMessageBytesMax } = limitsWith();
  const plain = named("plain", {
    partitions: 3,
    retentionMs: 7 * HOUR_MS,
    retentionBytes: 5_000_000,
  });
  const compact = named("compact", { compact: true });
  const strict = openKafkaLog(brokers, { minInsyncReplicas: 1, replication: 1 });
  await strict.createTopic(plain);
  await strict.createTopic(compact);
  await strict.close();
  const config = await configOf(plain.name);
  for (const [name, value] of [
    ["retention.ms", String(7 * HOUR_MS)],
    ["retention.bytes", "5000000"],
    ["cleanup.policy", "delete"],
    ["min.insync.replicas", "1"],
    ["max.message.bytes", String(topicMessageBytesMax)],
    ["compression.type", "producer"],
    ["segment.bytes", "134217728"],
    ["segment.index.bytes", "524288"],
  ] as const)
    expect([name, config.get(name)]).toEqual([name, value]);
  const compacted = await configOf(compact.name);
  expect(compacted.get("cleanup.policy")).toBe("compact,delete");
  expect(compacted.get("retention.bytes")).toBe("-1");
});

test("a topic has the brokers' segments where KAFKA_SEGMENT_BYTES is 0", async () => {
  const stock = openKafkaLog(brokers, { segmentBytes: 0 });
  const { name } = await stock.createTopic(named("stock"));
  await stock.close();
  const config = await configOf(name);
  expect(config.get("segment.bytes")).toBe("1073741824");
  expect(config.get("segment.index.bytes")).toBe("10485760");
});

test("one append may have up to topicMessageBytesMax, and is refused alone beyond it", async () => {
  const { topicMessageBytesMax } = limitsWith();
  const { name } = await log.createTopic(named("large"));
  const fits = record("x".repeat(topicMessageBytesMax - 10_000));
  expect(await log.append(name, 0, [fits])).toBe(0);
  expect((await log.read(name, 0, 0, 1)).records).toEqual([fits]);
  const beyond = log.append(name, 0, [record("x".repeat(topicMessageBytesMax))]);
  expect(await rejection(beyond)).toMatchObject({ code: "record_too_large" });
});

test("replicas that the cluster does not have are named as the topic's fault", async () => {
  const wide = openKafkaLog(brokers, { replication: 30 });
  const error = (await rejection(wide.createTopic(named("wide")))) as Error;
  await wide.close();
  expect(error).toMatchObject({ code: "log_unavailable" });
  expect(error.message).toContain("KAFKA_REPLICATION");
});

test("what the admin asks for has an end within topicReadyMs while no broker is there", async () => {
  const limits = limitsWith({ topicReadyMs: 300, appendOutcomeMs: 200 });
  const settings = kafkaSettings(["127.0.0.1:1"]);
  const away = createKafkaEventLog({ settings, clock: createSystemClock(), limits });
  const begun = performance.now();
  for (const call of [
    () => away.createTopic(named("away")),
    () => away.deleteTopic("away"),
    () => away.committed("g", "away", 0),
    () => away.topics(),
    () => away.range("away", 0),
  ])
    expect(await rejection(call())).toMatchObject({ code: "log_unavailable" });
  expect(performance.now() - begun).toBeLessThan(5 * 1_500);
  await away.close();
});

test("a group's offset is kept, and its lag is what it has not read", async () => {
  const topic = await log.createTopic(named("lag"));
  const group = `${scope.prefix}g`;
  scope.groups.add(group);
  await log.append(topic.name, 0, records(0, 10));
  expect(await log.committed(group, topic.name, 0)).toBeUndefined();
  expect(await log.lag(group, topic.name, 0)).toBe(10);
  const handler = new CollectingHandler();
  const consumer = await log.consume({ group, member: "m", topics: [topic.name], handler });
  await handler.when(() => handler.count === 10);
  await consumer.commit(topic.name, 0, 7);
  expect(await log.committed(group, topic.name, 0)).toBe(7);
  expect(await log.lag(group, topic.name, 0)).toBe(3);
  expect(await log.deleteRecords(topic.name, 0, 9)).toBe(9);
  expect(await log.range(topic.name, 0)).toEqual({ start: 9, end: 10 });
  expect(await log.lag(group, topic.name, 0)).toBe(1);
  await consumer.close();
});

test("events that nobody waits for reach the log in order", async () => {
  const { name } = await log.createTopic(named("events"));
  for (let i = 0; i < 100; i++) expect(log.publish(name, 0, record(i))).toBe(true);
  // They are gathered until this piece of code ends; what is appended then is behind them.
  await Promise.resolve();
  await log.append(name, 0, [record("end")]);
  const { records: read } = await log.read(name, 0, 0, 1_000);
  expect(read.map(({ value }) => value)).toEqual([...Array(100).keys(), '"end"'].map(String));
});

test("connections, their errors and appends are counted", async () => {
  const telemetry = createMemoryTelemetry();
  const clock = createSystemClock();
  const counted = createKafkaEventLog({ settings: kafkaSettings(brokers), clock, telemetry });
  const { name } = await counted.createTopic(named("counted"));
  await Promise.all([0, 1, 2].map((i) => counted.append(name, 0, records(i, 2))));
  await rejection(counted.append(name, 5, records(0, 1)));
  const value = (metric: string, labels?: Record<string, string>) =>
    telemetry.value(`tidegate_kafka_${metric}`, labels);
  expect(value("connections_total")).toBe(2);
  expect(value("appended_records_total")).toBe(6);
  expect(value("append_failures_total", { error: "topic_unknown" })).toBe(1);
  expect(value("produce_requests_total")).toBeGreaterThan(0);
  expect(value("produce_retries_total")).toBeGreaterThan(0);
  expect(value("pending_bytes")).toBe(0);
  expect(value("circuits_open")).toBe(0);
  expect(telemetry.distribution("tidegate_kafka_append_seconds")?.count).toBe(3);
  expect(telemetry.distribution("tidegate_kafka_batch_records")?.sum).toBe(6);
  await counted.close();
  const away = createKafkaEventLog({ settings: kafkaSettings(["127.0.0.1:1"]), clock, telemetry });
  await rejection(away.append("t", 0, records(0, 1)));
  expect(value("connection_errors_total", { kind: "network" })).toBeGreaterThan(0);
  await away.close();
});
