import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { initProducerIdV4, protocolErrorsCodesById } from "@platformatic/kafka";
import { encodePlainBatch } from "../../src/adapters/kafka/batch-encoder.ts";
import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { produce, type ProduceAnswer } from "../../src/adapters/kafka/produce-api.ts";
import { ProducerState } from "../../src/adapters/kafka/producer-state.ts";
import { records, spec } from "../conformance/event-log-kit.ts";
import { cleanUp, openKafkaLog } from "../support/kafka-log.ts";
import { createScope, type Scope } from "../support/scoped-log.ts";
import { useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(30_000);

// What the log's order after a lost answer rests on is the broker's to keep, so it is asked itself.
let log: KafkaEventLog;
let scope: Scope;
let state: ProducerState;

beforeAll(async () => {
  const { brokers } = await useKafka();
  log = openKafkaLog(brokers);
  scope = createScope();
  state = new ProducerState();
  const connection = await log.client.anyConnection();
  const { producerId, producerEpoch } = await initProducerIdV4.api.async(connection, null, 1_000);
  state.use({ id: producerId, epoch: producerEpoch });
});

afterAll(async () => {
  await log.close();
  await cleanUp((await useKafka()).brokers, scope);
});

async function topic(name: string): Promise<string> {
  const full = scope.prefix + name;
  scope.topics.add(full);
  await log.createTopic(spec(full));
  return full;
}

/** The bytes of a request for values `from` …, as they would wait in a network. */
function batch(name: string, from: number, count: number): Buffer {
  return encodePlainBatch(records(from, count), 0, state.identity(name, 0));
}

async function send(name: string, bytes: Buffer): Promise<ProduceAnswer> {
  const broker = log.client.metadata.leader(name, 0);
  const connection = await log.client.connection(broker, "produce");
  const [answer] = await produce(connection, [{ topic: name, partition: 0, batch: bytes }], 1_000);
  return answer as ProduceAnswer;
}

const errorOf = ({ errorCode }: ProduceAnswer) => protocolErrorsCodesById[errorCode];

async function values(name: string): Promise<number[]> {
  return (await log.read(name, 0, 0, 1_000)).records.map(({ value }) => Number(value));
}

test("a batch that is sent twice is written once, and its place is told again", async () => {
  const name = await topic("twice");
  await send(name, batch(name, 0, 3));
  state.advance(name, 0, 3);
  const bytes = batch(name, 3, 2);
  expect(await send(name, bytes)).toMatchObject({ errorCode: 0, baseOffset: 3 });
  expect(await send(name, bytes)).toMatchObject({ errorCode: 0, baseOffset: 3 });
  expect(await values(name)).toEqual([0, 1, 2, 3, 4]);
});

test("a batch that was given up cannot land behind a later one", async () => {
  const name = await topic("late");
  await send(name, batch(name, 0, 1));
  state.advance(name, 0, 1);
  const late = batch(name, 1, 1);
  state.raiseEpoch(name, 0);
  expect(await send(name, batch(name, 2, 1))).toMatchObject({ errorCode: 0, baseOffset: 1 });
  expect(errorOf(await send(name, late))).toBe("INVALID_PRODUCER_EPOCH");
  expect(await values(name)).toEqual([0, 2]);
});

test("a batch that was given up may land before a later one", async () => {
  const name = await topic("before");
  const late = batch(name, 1, 1);
  state.raiseEpoch(name, 0);
  const later = batch(name, 2, 1);
  expect(await send(name, late)).toMatchObject({ errorCode: 0, baseOffset: 0 });
  expect(await send(name, later)).toMatchObject({ errorCode: 0, baseOffset: 1 });
  expect(await values(name)).toEqual([1, 2]);
});

test("partitions of one producer have epochs of their own", async () => {
  const [one, two] = [await topic("one"), await topic("two")];
  await send(one, batch(one, 0, 1));
  await send(two, batch(two, 0, 1));
  state.raiseEpoch(one, 0);
  state.advance(two, 0, 1);
  expect(errorOf(await send(one, batch(one, 1, 1)))).toBe("NONE");
  expect(errorOf(await send(two, batch(two, 1, 1)))).toBe("NONE");
});

test("a sequence that leaves a gap is refused, and a new epoch begins anew", async () => {
  const name = await topic("gap");
  await send(name, batch(name, 0, 1));
  state.advance(name, 0, 5);
  expect(errorOf(await send(name, batch(name, 1, 1)))).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
  state.raiseEpoch(name, 0);
  expect(errorOf(await send(name, batch(name, 1, 1)))).toBe("NONE");
  expect(await values(name)).toEqual([0, 1]);
});
