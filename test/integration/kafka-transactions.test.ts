import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { addPartitionsToTxnV3, findCoordinatorV4, initProducerIdV4 } from "@platformatic/kafka";
import { encodePlainBatch } from "../../src/adapters/kafka/batch-encoder.ts";
import { KafkaClient } from "../../src/adapters/kafka/client.ts";
import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { produce } from "../../src/adapters/kafka/produce-api.ts";
import { KafkaTransactions } from "../../src/adapters/kafka/transactions.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { limitsWith } from "../../src/limits.ts";
import { record, records, spec } from "../conformance/event-log-kit.ts";
import { cleanUp, kafkaSettings, openKafkaLog } from "../support/kafka-log.ts";
import { rejection } from "../support/rejection.ts";
import { createScope, type Scope } from "../support/scoped-log.ts";
import { useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(60_000);

let brokers: readonly string[];
let log: KafkaEventLog;
let scope: Scope;
const clients: KafkaClient[] = [];

beforeAll(async () => {
  brokers = (await useKafka()).brokers;
  log = openKafkaLog(brokers);
  scope = createScope();
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await log.close();
  await cleanUp(brokers, scope);
});

async function makeTopic(name: string): Promise<string> {
  const full = scope.prefix + name;
  scope.topics.add(full);
  await log.createTopic(spec(full, 2));
  return full;
}

function transactions(id: string, limits = limitsWith()): KafkaTransactions {
  const client = new KafkaClient({
    settings: kafkaSettings(brokers),
    clock: createSystemClock(),
    limits,
  });
  clients.push(client);
  return new KafkaTransactions(client, scope.prefix + id);
}

/** What readers have up to now: the markers follow an append within moments. */
async function readUntil(topic: string, partition: number, count: number): Promise<string[]> {
  for (;;) {
    const { records: read } = await log.read(topic, partition, 0, 1_000);
    if (read.length >= count) return read.map(({ value }) => value);
    await Bun.sleep(20);
  }
}

test("appends to several topics at once are read in all of them", async () => {
  const [one, two] = [await makeTopic("one"), await makeTopic("two")];
  for (let round = 0; round < 3; round++) {
    const bases = await log.appendAtomic([
      { topic: one, partition: 0, records: records(round * 2, 2) },
      { topic: one, partition: 1, records: records(100 + round, 1) },
      { topic: two, partition: 0, records: records(200 + round, 1) },
    ]);
    // Each transaction leaves a marker behind its records.
    expect(bases).toEqual([round * 3, round * 2, round * 2]);
  }
  expect(await readUntil(one, 0, 6)).toEqual(["0", "1", "2", "3", "4", "5"]);
  expect(await readUntil(one, 1, 3)).toEqual(["100", "101", "102"]);
  expect(await readUntil(two, 0, 3)).toEqual(["200", "201", "202"]);
});

test("when one of its partitions is not there, nothing of an append is read", async () => {
  const topic = await makeTopic("whole");
  const lost = log.appendAtomic([
    { topic, partition: 0, records: records(0, 2) },
    { topic: `${topic}-missing`, partition: 0, records: records(0, 1) },
  ]);
  expect(await rejection(lost)).toMatchObject({ code: "topic_unknown" });
  await log.appendAtomic([{ topic, partition: 0, records: [record("after")] }]);
  expect(await readUntil(topic, 0, 1)).toEqual(['"after"']);
});

test("what was written before a failure is aborted, and readers go on behind it", async () => {
  const topic = await makeTopic("aborted");
  const large = { key: "k", headers: {}, value: "x".repeat(5 * 1024 * 1024) };
  const lost = log.appendAtomic([
    { topic, partition: 0, records: records(0, 2) },
    { topic, partition: 1, records: [large] },
  ]);
  expect(await rejection(lost)).toMatchObject({ code: "record_too_large" });
  await log.append(topic, 0, [record("plain")]);
  expect(await readUntil(topic, 0, 1)).toEqual(['"plain"']);
  // The first one was in the log: the readable record is not at its start. The marker that ends it is
  // written after the broker's answer, so that it may stand before the record or behind it.
  const { offsets } = await log.read(topic, 0, 0, 10);
  expect(offsets).toHaveLength(1);
  expect(offsets[0]).toBeGreaterThanOrEqual(2);
});

test("a process that comes back under its id fences the one before it", async () => {
  const topic = await makeTopic("fenced");
  const old = transactions("mine");
  await old.append([{ topic, partition: 0, records: records(0, 1) }]);
  const young = transactions("mine");
  await young.append([{ topic, partition: 0, records: records(1, 1) }]);
  const late = old.append([{ topic, partition: 0, records: records(2, 1) }]);
  expect(await rejection(late)).toMatchObject({ code: "fenced" });
  expect(await readUntil(topic, 0, 2)).toEqual(["0", "1"]);
});

test("more than transactionsPendingMax atomic appends are refused", async () => {
  const topic = await makeTopic("bounded");
  const limited = transactions("bounded", limitsWith({ transactionsPendingMax: 2 }));
  const one = () => limited.append([{ topic, partition: 0, records: records(0, 1) }]);
  const taken = [one(), one()];
  expect(await rejection(one())).toMatchObject({ code: "overloaded" });
  await Promise.all(taken);
  expect(await one()).toEqual([4]);
});

/** A process that dies within an atomic append to partition 0. */
async function dieWithin(id: string, topic: string, timeoutMs: number): Promise<void> {
  const { client } = log;
  await log.append(topic, 0, [record("before")]);
  const transactionalId = scope.prefix + id;
  const control = await client.anyConnection();
  const [at] = (await findCoordinatorV4.api.async(control, 1, [transactionalId])).coordinators;
  const connection = await client.connect({ host: at?.host ?? "", port: at?.port ?? 0 }, "control");
  const { producerId, producerEpoch } = await initProducerIdV4.api.async(
    connection,
    transactionalId,
    timeoutMs,
  );
  const topics = [{ name: topic, partitions: [0] }];
  await addPartitionsToTxnV3.api.async(connection, [
    { transactionalId, producerId, producerEpoch, verifyOnly: false, topics },
  ]);
  const identity = { producerId, producerEpoch, sequence: 0, transactional: true } as const;
  const batch = encodePlainBatch([record("left open")], Date.now(), identity);
  const leader = await client.connection(client.metadata.leader(topic, 0), "produce");
  const [answer] = await produce(leader, [{ topic, partition: 0, batch }], 1_000, transactionalId);
  expect(answer?.errorCode).toBe(0);
}

test("what a crash left open ends when the process comes back under its id", async () => {
  const topic = await makeTopic("crashed");
  await dieWithin("crashed", topic, 60_000);
  await log.append(topic, 0, [record("plain")]);
  expect((await log.read(topic, 0, 0, 10)).records).toEqual([record("before")]);
  await transactions("crashed").append([{ topic, partition: 1, records: records(0, 1) }]);
  expect(await readUntil(topic, 0, 2)).toEqual(['"before"', '"plain"']);
});

test("what a crash left open ends by itself some time after transactionTimeoutMs", async () => {
  const topic = await makeTopic("timed");
  await dieWithin("timed", topic, 500);
  await log.append(topic, 0, [record("plain")]);
  expect((await log.read(topic, 0, 0, 10)).records).toEqual([record("before")]);
  expect(await readUntil(topic, 0, 2)).toEqual(['"before"', '"plain"']);
});
