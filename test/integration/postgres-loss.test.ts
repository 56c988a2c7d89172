import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { acceptLoss, lossText } from "../../cli/accept-loss.ts";
import { acquirePartition } from "../../consumers/delivery/assignment.ts";
import { MemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { NOTHING_KNOWN, Sequencer } from "../../src/chat/sequencer.ts";
import { chatTopic } from "../../src/topics.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { encodeMessageRecord, recordTemplate } from "../../src/wire/record.ts";
import { codeOf, range } from "../conformance/message-store-kit.ts";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";

const PLACE = { topic: "chat.messages.acme", partition: 0 };

let schema: TemporarySchema;
let store: PostgresMessageStore;
let log: MemoryEventLog;
let sent = 0;

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
  store = await schema.open();
});
beforeEach(async () => {
  sent = 0;
  log = new MemoryEventLog({ clock: createSystemClock(), random: createSystemRandom() });
  await log.createTopic(chatTopic("acme", 1));
});
afterEach(async () => {
  await log.close();
  await emptyStore(schema);
});
afterAll(async () => {
  await store.close();
  await schema.dispose();
});

/** A message that no other is equal to. */
function message(conversation: string): LogRecord {
  const number = String(++sent).padStart(12, "0");
  const key = `01928374-1000-7000-8000-${number}`;
  const template = recordTemplate({
    tenant: "acme",
    conversation,
    sender: "ana",
    key: conversation,
    source: "test",
  });
  return encodeMessageRecord(template, {
    key,
    id: `${key}.scope`,
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: `{"text":"${number}"}`,
    fingerprint: `f${number}`,
  });
}

async function append(...conversations: string[]): Promise<void> {
  for (const conversation of conversations)
    await log.append(PLACE.topic, 0, [message(conversation)]);
}

/** Does what a delivery worker does: takes the partition, places what the log has, and stores it. */
async function deliver(): Promise<void> {
  const topic = await log.describeTopic(PLACE.topic);
  if (topic === undefined) throw new Error("no topic");
  const state = await acquirePartition(store, log, topic, 0);
  const sequencer = new Sequencer({
    locate: (key) => ({ tenant: "acme", conversation: key }),
    incarnation: topic.incarnation,
    windowOffsets: 100,
    headsMax: 100,
  });
  sequencer.restore(await store.window(PLACE, Math.max(0, state.nextOffset - 100)));
  const { records, offsets, nextOffset } = await log.read(PLACE.topic, 0, state.nextOffset, 100);
  const prepared = sequencer.prepare(records, offsets);
  const names = [...(prepared.needs?.heads.keys() ?? [])];
  const heads = await store.heads("acme", names);
  const folded = sequencer.fold(prepared, { ...NOTHING_KNOWN, heads }, state.nextOffset);
  await store.commit({
    ...PLACE,
    incarnation: topic.incarnation,
    ownerEpoch: state.ownerEpoch,
    expectedOffset: state.nextOffset,
    nextOffset,
    lastId: folded.placed.at(-1)?.id ?? "",
    events: folded.placed,
  });
}

/** Cuts the log: `start` as retention does, `end` as a broker that lost its disk. */
function cut({ start, end }: { start?: number; end?: number }): void {
  const partition = log.disk.topics.get(PLACE.topic)?.partitions[0];
  if (partition === undefined) throw new Error("no partition");
  partition.chunks = partition.chunks.filter(
    ({ base }) => base >= (start ?? 0) && base < (end ?? Number.POSITIVE_INFINITY),
  );
  partition.start = start ?? partition.start;
  partition.end = end ?? partition.end;
}

async function epochOf(conversation: string): Promise<string | undefined> {
  return (await store.heads("acme", [conversation])).get(conversation)?.epoch;
}

async function seqsOf(conversation: string): Promise<number[]> {
  const page = await store.history(range({ conversation }));
  return page.events.map(({ seq }) => seq);
}

test("a partition that agrees with its log has nothing to accept", async () => {
  expect(await acceptLoss(log, store, PLACE)).toBeUndefined();
  await append("a");
  await deliver();
  const epoch = await epochOf("a");
  expect(await acceptLoss(log, store, PLACE)).toBeUndefined();
  expect(await epochOf("a")).toBe(epoch as string);
});

test("there is nothing to accept for a partition that is not there", async () => {
  expect(await codeOf(acceptLoss(log, store, { ...PLACE, partition: 1 }))).toBe("topic_unknown");
  expect(await codeOf(acceptLoss(log, store, { ...PLACE, topic: "other" }))).toBe("topic_unknown");
});

test("after records expired unread, placing goes on at the log's start in another epoch", async () => {
  await append("a", "b");
  await deliver();
  const epoch = await epochOf("a");
  await append("a", "a", "b");
  cut({ start: 4 });
  expect(await codeOf(deliver())).toBe("log_expired");
  const report = await acceptLoss(log, store, PLACE);
  expect(report).toMatchObject({ reason: "log_expired", nextOffset: 4, conversations: 2 });
  await deliver();
  expect(await seqsOf("a")).toEqual([1]);
  expect(await seqsOf("b")).toEqual([1, 2]);
  expect(await epochOf("a")).not.toBe(epoch as string);
  expect(await epochOf("a")).toMatch(/^[a-z0-9]{1,40}$/);
});

test("after the log lost its end, its new records are placed behind what is stored", async () => {
  await append("a", "a", "a");
  await deliver();
  cut({ end: 1 });
  expect(await codeOf(deliver())).toBe("log_truncated");
  const report = await acceptLoss(log, store, PLACE);
  expect(report).toMatchObject({ reason: "log_truncated", nextOffset: 1 });
  await append("a", "b");
  await deliver();
  // Offsets 1 and 2 are there twice, and do not meet.
  expect(await seqsOf("a")).toEqual([1, 2, 3, 4]);
  expect((await store.feed(PLACE, 0, 100)).events.map(({ offset }) => offset)).toEqual([1, 2]);
  expect(await store.window(PLACE, 0)).toHaveLength(2);
});

test("after the topic was made again, it is placed from its start", async () => {
  await append("a", "b");
  await deliver();
  const epoch = await epochOf("a");
  await log.deleteTopic(PLACE.topic);
  await log.createTopic(chatTopic("acme", 1));
  await append("a");
  expect(await codeOf(deliver())).toBe("topic_recreated");
  const report = await acceptLoss(log, store, PLACE);
  expect(report).toMatchObject({ reason: "topic_recreated", nextOffset: 0, conversations: 2 });
  if (report) expect(lossText(report)).toContain("readers of 2 conversations start over");
  await deliver();
  expect(await seqsOf("a")).toEqual([1, 2]);
  expect(await epochOf("a")).not.toBe(epoch as string);
  // What is accepted once is not asked for again.
  await append("a");
  await deliver();
  expect(await seqsOf("a")).toEqual([1, 2, 3]);
});

test("after the log's records were replaced, placing goes on where it was", async () => {
  await append("a", "a");
  await deliver();
  cut({ end: 1 });
  await append("a", "a");
  expect(await codeOf(deliver())).toBe("log_diverged");
  const report = await acceptLoss(log, store, PLACE);
  expect(report).toMatchObject({ reason: "log_diverged", nextOffset: 2 });
  await deliver();
  expect(await seqsOf("a")).toEqual([1, 2, 3]);
});

test("a worker of before can store nothing after an accepted loss", async () => {
  await append("a");
  await deliver();
  const { ownerEpoch, incarnation } = await store.acquire(PLACE);
  cut({ end: 0 });
  await acceptLoss(log, store, PLACE);
  const batch = {
    ...PLACE,
    incarnation: incarnation as string,
    ownerEpoch,
    expectedOffset: 0,
    nextOffset: 1,
    lastId: "",
    events: [],
  };
  expect(await codeOf(store.commit(batch))).toBe("fenced");
  const loss = { ...PLACE, ownerEpoch, incarnation: "i", nextOffset: 0, lastId: "" };
  expect(await codeOf(store.acceptLoss(loss))).toBe("fenced");
});
