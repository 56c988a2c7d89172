import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type MessageToProduce, Producer } from "@platformatic/kafka";
import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { AppError } from "../../src/errors.ts";
import { numbers, record, records } from "../conformance/event-log-kit.ts";
import { heedless } from "../support/kafka-client.ts";
import { KafkaGroup } from "../support/kafka-group.ts";
import { useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(60_000);

let brokers: readonly string[];
beforeAll(async () => {
  ({ brokers } = await useKafka());
});

type Message = MessageToProduce<Buffer, Buffer, Buffer, Buffer>;

/** The library's own producer, which does what our log never does. */
async function withProducer(
  options: { readonly transactionalId?: string },
  use: (producer: Producer) => Promise<void>,
): Promise<void> {
  const producer = heedless(
    new Producer({
      clientId: "tidegate-test",
      bootstrapBrokers: [...brokers],
      acks: -1,
      ...(options.transactionalId === undefined
        ? {}
        : { transactionalId: options.transactionalId, idempotent: true }),
    }),
  );
  try {
    await use(producer);
  } finally {
    await producer.close();
  }
}

function message(topic: string, value: string): Message {
  return { topic, partition: 0, key: Buffer.from("k"), value: Buffer.from(value) };
}

async function untilLed(log: KafkaEventLog, topic: string, partition: number): Promise<void> {
  for (;;)
    try {
      await log.range(topic, partition);
      return;
    } catch (error) {
      if (!(error instanceof AppError) || !error.retriable) throw error;
      await Bun.sleep(50);
    }
}

test("an offset below the log's start or beyond its end fails its partition alone", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(3);
  for (const partition of numbers(3)) await log.append(group.topic, partition, records(0, 10));
  await log.deleteRecords(group.topic, 0, 6);
  const { consumer, handler } = await group.join("one", log);
  handler.startAt = (_, partition) => Promise.resolve([2, 11, 0][partition] as number);
  await handler.when(() => handler.failures.length === 2 && handler.count === 10);
  const failed = handler.failures.toSorted((a, b) => a.partition - b.partition);
  expect(failed[0]).toMatchObject({ partition: 0, error: { code: "log_expired" } });
  expect(failed[1]).toMatchObject({ partition: 1, error: { code: "log_truncated" } });
  // An operator has decided: from here on it is read again.
  handler.startAt = () => Promise.resolve(6);
  consumer.restart(group.topic, 0);
  await handler.when(() => handler.count === 14);
  expect(handler.offsets(group.topic, 0)).toEqual([6, 7, 8, 9]);
  expect(handler.failures).toHaveLength(2);
});

test("records of aborted transactions are skipped, and the position goes on behind them", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(1);
  const { handler } = await group.join("one", log);
  const nextOffsets: number[] = [];
  handler.onRecords = (batch) => nextOffsets.push(batch.nextOffset);
  await withProducer({ transactionalId: group.name }, async (producer) => {
    const given = await producer.beginTransaction();
    await given.send({ messages: [message(group.topic, "given up")] });
    await given.abort();
    const kept = await producer.beginTransaction();
    await kept.send({ messages: [message(group.topic, "kept")] });
    await kept.commit();
  });
  await log.append(group.topic, 0, [record("last")]);
  await handler.when(() => handler.count === 2);
  expect(handler.values(group.topic, 0)).toEqual(["kept", '"last"']);
  expect(handler.offsets(group.topic, 0)).toEqual([2, 4]);
  expect(nextOffsets.at(-1)).toBe(5);
});

test("records of an open transaction come when it is committed, and hold up what follows", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(1);
  const { handler } = await group.join("one", log);
  await withProducer({ transactionalId: group.name }, async (producer) => {
    const open = await producer.beginTransaction();
    await open.send({ messages: [message(group.topic, "open")] });
    await log.append(group.topic, 0, [record("behind")]);
    expect(handler.count).toBe(0);
    await open.commit();
  });
  await handler.when(() => handler.count === 2);
  expect(handler.values(group.topic, 0)).toEqual(["open", '"behind"']);
});

test("foreign records come through: no key, no value, any compression", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(1);
  const { handler } = await group.join("one", log);
  await withProducer({}, async (producer) => {
    for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const)
      await producer.send({
        compression,
        messages: numbers(20).map((i) => message(group.topic, `${compression} ${i} grüße`)),
      });
    const bare = { topic: group.topic, partition: 0 } as Message;
    await producer.send({ messages: [{ ...bare, key: Buffer.from("gone") }, bare] });
  });
  await handler.when(() => handler.count === 102);
  const values = handler.values(group.topic, 0);
  expect(values[85]).toBe("zstd 5 grüße");
  expect(values.slice(100)).toEqual(["", ""]);
  expect(handler.seen.get(`${group.topic}/0`)?.at(-1)?.record).toEqual({
    key: "",
    value: "",
    headers: {},
  });
  expect(handler.offsets(group.topic, 0)).toEqual(numbers(102));
});

test("a record larger than all of a fetch's limits comes all the same", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(2);
  const large = { ...record(0), value: JSON.stringify("x".repeat(300_000)) };
  for (const partition of numbers(2))
    for (let i = 0; i < 4; i++) await log.append(group.topic, partition, [large, record(i)]);
  const limits = { fetchBytesMax: 10_000, fetchPartitionBytesMax: 1_000, fetchSpacingMs: 1 };
  const { handler } = await group.join("one", group.log(limits));
  await handler.when(() => handler.count === 16);
  for (const partition of numbers(2))
    expect(handler.offsets(group.topic, partition)).toEqual(numbers(8));
});

test("what a paused partition keeps is bounded, and blocks no other", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(2);
  const block = numbers(50).map((i) => ({ ...record(i), value: `"${"x".repeat(1_000)}"` }));
  for (const partition of numbers(2))
    for (let i = 0; i < 20; i++) await log.append(group.topic, partition, block);
  // Room for two of a partition's fetches: one for paused partitions, one for the others.
  const limits = { fetchPartitionBytesMax: 60_000, fetchAheadBytesMax: 120_000 };
  const { consumer, handler } = await group.join("one", group.log(limits));
  let calls = 0;
  handler.onRecords = (batch) => {
    if (batch.partition !== 0) return;
    calls++;
    consumer.pause(group.topic, 0);
    // Resumed when the other one is through, and from then on each time.
    if (handler.offsets(group.topic, 1).length === 1_000)
      setImmediate(() => consumer.resume(group.topic, 0));
  };
  await handler.when(() => handler.offsets(group.topic, 1).length === 1_000);
  expect(handler.offsets(group.topic, 0).length).toBeLessThan(1_000);
  consumer.resume(group.topic, 0);
  await handler.when(() => handler.offsets(group.topic, 0).length >= 1_000);
  expect(calls).toBeGreaterThan(1);
  expect(handler.offsets(group.topic, 0)).toEqual(numbers(1_000));
});

test("a partition that is resumed does not wait for the long poll of the quiet ones", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(3);
  const reader = group.log({ fetchWaitMs: 20_000 });
  const { consumer, handler } = await group.join("one", reader);
  await handler.when(() => handler.owned.size === 3);
  consumer.pause(group.topic, 0);
  // The others are quiet for so long that they are asked for with the long wait.
  await log.append(group.topic, 1, [record(1)]);
  await handler.when(() => handler.count === 1);
  // It is time alone that makes a partition quiet: nothing happens that could be waited for.
  await Bun.sleep(1_500);
  await log.append(group.topic, 0, [record(0)]);
  const before = performance.now();
  consumer.resume(group.topic, 0);
  await handler.when(() => handler.count === 2);
  const later = group.topicNamed("later");
  await log.createTopic({ name: later, partitions: 1, retentionMs: 3_600_000 });
  await log.append(later, 0, [record(2)]);
  await consumer.setTopics([group.topic, later]);
  await handler.when(() => handler.count === 3);
  expect(performance.now() - before).toBeLessThan(10_000);
  // And a quiet one wakes its own long poll.
  await log.append(group.topic, 2, [record(3)]);
  await handler.when(() => handler.count === 4);
  expect(performance.now() - before).toBeLessThan(15_000);
});

test("a member of a topic that is not there yet reads it from the moment that it is made", async () => {
  await using group = new KafkaGroup(brokers);
  const log = group.log({ groupHeartbeatMs: 50 });
  const { handler } = await group.join("one", log);
  await log.createTopic({ name: group.topic, partitions: 2, retentionMs: 3_600_000 });
  await log.append(group.topic, 1, [record(1)]);
  await handler.when(() => handler.count === 1);
  expect(handler.owned.size).toBe(2);
  expect(handler.failures).toEqual([]);
});

test("more partitions than one lane holds are all read, each from its own position", async () => {
  await using group = new KafkaGroup(brokers);
  const log = await group.create(600);
  // The broker makes so many partitions one by one; until then they have no leader.
  for (const partition of numbers(600)) await untilLed(log, group.topic, partition);
  for (let first = 0; first < 600; first += 50)
    await Promise.all(numbers(50).map((i) => log.append(group.topic, first + i, records(0, 2))));
  const { handler } = await group.join("one", log);
  handler.startAt = (_, partition) => Promise.resolve(partition % 2);
  await handler.when(() => handler.count >= 900);
  for (const partition of numbers(600))
    expect(handler.offsets(group.topic, partition)).toEqual(partition % 2 === 0 ? [0, 1] : [1]);
  // They are quiet by now or soon: what comes then is found by whichever lane has them.
  for (const partition of [0, 299, 599]) await log.append(group.topic, partition, records(2, 1));
  await handler.when(() => handler.count === 903);
  expect(handler.failures).toEqual([]);
});
