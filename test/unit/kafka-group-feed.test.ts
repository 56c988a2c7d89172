import { expect, test } from "bun:test";
import { createRecordsBatch, type MessageRecord } from "@platformatic/kafka";
import { FetchBudget, FetchFeed } from "../../src/adapters/kafka/fetch-feed.ts";
import { kafkaCodec } from "../../src/adapters/kafka/fetch.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import { numbers } from "../conformance/event-log-kit.ts";

function batch(base: number, count: number): Buffer {
  const messages = numbers(count).map((i) => ({
    topic: "t",
    partition: 0,
    key: Buffer.from("k"),
    value: Buffer.from(`${base + i}`),
  })) as MessageRecord[];
  const bytes = Buffer.from(createRecordsBatch(messages).buffer);
  bytes.writeBigInt64BE(BigInt(base), 0);
  return bytes;
}

function open(budget = new FetchBudget(1_000_000), aheadBytesMax = 100_000) {
  const batches: RecordBatch[] = [];
  const failures: Error[] = [];
  let changes = 0;
  const feed = new FetchFeed({
    topic: "t",
    topicId: "00",
    partition: 0,
    codec: kafkaCodec,
    budget,
    aheadBytesMax,
    records: (records) => batches.push(records),
    failed: (error) => failures.push(error),
    changed: () => changes++,
  });
  const offsets = () => batches.flatMap((records) => records.offsets);
  return { feed, batches, failures, offsets, changes: () => changes };
}

test("a feed is fetched only between its start and its end, and not while it is paused", () => {
  const { feed } = open();
  expect(feed.hungry).toBe(false);
  feed.start(0);
  expect(feed.hungry).toBe(true);
  feed.pause();
  expect(feed.hungry).toBe(false);
  feed.resume();
  expect(feed.hungry).toBe(true);
  feed.stop();
  expect(feed.hungry).toBe(false);
});

test("what waits is handed over batch by batch, and more is fetched when there is room again", () => {
  const first = batch(0, 10);
  const { feed, offsets, changes } = open(new FetchBudget(1_000_000), first.length + 1);
  feed.start(0);
  feed.fetched(Buffer.concat([first, batch(10, 10)]), []);
  expect(feed.offset).toBe(20);
  expect(feed.hungry).toBe(false);
  const before = changes();
  expect(feed.deliver(1)).toBe(10);
  expect(feed.hungry).toBe(false);
  expect(feed.deliver(1)).toBe(10);
  expect(feed.hungry).toBe(true);
  expect(changes()).toBe(before + 1);
  expect(offsets()).toEqual(numbers(20));
});

test("a damaged batch fails the partition after what came before it", () => {
  const { feed, failures, offsets } = open();
  const damaged = batch(3, 3);
  damaged[70] = (damaged[70] as number) ^ 0xff;
  feed.start(0);
  feed.fetched(Buffer.concat([batch(0, 3), damaged, batch(6, 3)]), []);
  while (feed.deliverable) feed.deliver(1);
  expect(offsets()).toEqual([0, 1, 2]);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({ code: "log_corrupt" });
  expect(feed.stopped).toBe(true);
});

test("a handler that throws fails its partition and is called no more", () => {
  const failures: Error[] = [];
  const feed = new FetchFeed({
    topic: "t",
    topicId: "00",
    partition: 0,
    codec: kafkaCodec,
    budget: new FetchBudget(1_000),
    aheadBytesMax: 1_000,
    records: () => {
      throw new Error("cannot take it");
    },
    failed: (error) => failures.push(error),
    changed: () => {},
  });
  feed.start(0);
  feed.fetched(Buffer.concat([batch(0, 1), batch(1, 1)]), []);
  feed.deliver(1);
  expect(failures).toMatchObject([{ code: "internal" }]);
  expect(feed.deliverable).toBe(false);
});

test("a paused feed keeps what was on its way while there is room, else it is fetched again", () => {
  const bytes = batch(0, 10);
  const roomy = open(new FetchBudget(bytes.length * 2));
  roomy.feed.start(0);
  roomy.feed.pause();
  roomy.feed.fetched(bytes, []);
  expect(roomy.feed.offset).toBe(10);
  const tight = open(new FetchBudget(bytes.length * 2 - 1));
  tight.feed.start(0);
  tight.feed.pause();
  tight.feed.fetched(bytes, []);
  expect(tight.feed.offset).toBe(0);
  roomy.feed.resume();
  roomy.feed.deliver(1);
  expect(roomy.offsets()).toEqual(numbers(10));
});

test("a feed that is paused with too much waiting goes back to where its handler is", () => {
  const one = batch(0, 10);
  const budget = new FetchBudget(one.length * 2);
  const { feed, offsets } = open(budget);
  feed.start(0);
  feed.fetched(Buffer.concat([one, batch(10, 10), batch(20, 10)]), []);
  feed.deliver(1);
  feed.pause();
  expect(feed.offset).toBe(10);
  expect(budget.waiting).toBe(0);
  feed.resume();
  feed.fetched(batch(10, 10), []);
  feed.deliver(1);
  expect(offsets()).toEqual(numbers(20));
  expect(budget).toMatchObject({ waiting: 0, kept: 0 });
});

test("what is given back to the budget is what was taken, whatever happens in between", () => {
  const budget = new FetchBudget(1_000_000);
  const { feed } = open(budget);
  feed.start(0);
  feed.fetched(batch(0, 5), []);
  feed.pause();
  expect(budget.kept).toBe(budget.waiting);
  feed.fetched(batch(5, 5), []);
  expect(budget.kept).toBe(budget.waiting);
  feed.stop();
  expect(budget).toMatchObject({ waiting: 0, kept: 0 });
});

test("bytes without a whole batch change nothing", () => {
  const { feed, failures } = open();
  feed.start(0);
  feed.fetched(batch(0, 10).subarray(0, 70), []);
  expect(feed.offset).toBe(0);
  expect(feed.deliverable).toBe(false);
  expect(failures).toEqual([]);
});
