import { expect, test } from "bun:test";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { PartitionFeed } from "../../src/group/feed.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";

const TOPIC = "t";
const END = 18;

function pageOf(from: number, count: number): RecordBatch {
  const offsets = Array.from({ length: count }, (_, i) => from + i);
  const records = offsets.map((offset) => ({ key: "k", headers: {}, value: String(offset) }));
  return { topic: TOPIC, partition: 0, offsets, records, nextOffset: from + count };
}

test("who is behind has the next page on its way while one is delivered, and all of them in order", async () => {
  const asked: number[] = [];
  const whenDelivered: number[][] = [];
  const handler = new CollectingHandler();
  const feed = new PartitionFeed(
    TOPIC,
    0,
    {
      assigned: () => Promise.resolve(0),
      records(batch) {
        whenDelivered.push([batch.nextOffset, ...asked]);
        handler.records(batch);
      },
      revoked: () => Promise.resolve(),
      lost: () => {},
      failed: () => {},
    },
    createSystemClock(),
    {
      pageRecordsMax: 4,
      source: {
        topic: () => ({ name: TOPIC, incarnation: "i", partitions: 1 }),
        bounds: () => ({ start: 0, end: END }),
        read: (_topic, _partition, from, max) => {
          asked.push(from);
          return Promise.resolve(pageOf(from, Math.min(max, END - from)));
        },
      },
    },
  );
  feed.start(0);
  await handler.when(() => handler.count === END);
  feed.stop();
  // Twice as much at once while there is more than that, in pieces of no more than a page.
  expect(asked).toEqual([0, 8, 16]);
  expect(whenDelivered).toEqual([
    [4, 0, 8],
    [8, 0, 8],
    [12, 0, 8, 16],
    [16, 0, 8, 16],
    [18, 0, 8, 16],
  ]);
});
