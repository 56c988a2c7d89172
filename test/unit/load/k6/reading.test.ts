import { expect, test } from "bun:test";
import { LineCounter, type LineSink } from "../../../../load/k6/lib/lines.ts";
import { Reading } from "../../../../load/k6/lib/reading.ts";

/** Keeps what it is handed, and reads. */
class Sink implements LineSink {
  readonly reading = new Reading();
  readonly samples: string[] = [];
  readonly receipts: string[] = [];
  readonly others: string[] = [];

  sample(line: string): void {
    this.samples.push(line);
  }
  sampleReceipt(line: string): void {
    this.receipts.push(line);
  }
  other(line: string): void {
    this.others.push(line);
  }
  run(first: number, last: number, count: number): boolean {
    return this.reading.takeRun(first, last, count);
  }
  each(seq: number): void {
    this.reading.take(seq);
  }
}

const event = (seq: number): string =>
  `{"push":{"conversation":"a","seq":${seq},"event":{"id":"x"}}}`;
const receipt = '{"id":1000001,"send":{"message":"x"}}';

test("a frame in order is taken by its ends", () => {
  const sink = new Sink();
  const frame = [event(1), receipt, event(2), event(3)].join("\n");
  expect(new LineCounter(2).take(frame, sink)).toEqual({ events: 3, receipts: 1 });
  expect(sink.reading).toMatchObject({ received: 3, next: 4, duplicate: 0 });
  expect(sink.samples).toEqual([event(1), event(3)]);
  expect(sink.receipts).toEqual([receipt]);
});

test("sampling goes on from frame to frame", () => {
  const sink = new Sink();
  const counter = new LineCounter(3);
  for (let seq = 1; seq <= 9; seq++) counter.take(event(seq), sink);
  expect(sink.samples).toEqual([event(1), event(4), event(7)]);
});

test("lines that are neither event nor receipt are handed on", () => {
  const sink = new Sink();
  const others = [
    "{}",
    '{"id":1,"connect":{"connection":"x"}}',
    '{"id":1000002,"error":{"code":"rate_limited"}}',
    '{"push":{"live":{"conversation":"a","seq":0}}}',
    '{"push":{"lag":{"conversation":"a","from":1,"to":2}}}',
    '{"push":{"refused":{"conversation":"a"}}}',
  ];
  expect(new LineCounter(1).take(others.join("\n"), sink)).toEqual({ events: 0, receipts: 0 });
  expect(sink.others).toEqual(others);
});

test("a hole, a double and a late one are told apart within one frame", () => {
  const sink = new Sink();
  const frame = [1, 2, 4, 3, 6, 6].map(event).join("\n");
  new LineCounter(1).take(frame, sink);
  expect(sink.reading).toMatchObject({ received: 5, duplicate: 1, reordered: 1 });
  expect(sink.reading.lost(6)).toBe(1);
});

test("a seq that only reads as if it lay between its neighbours is no substitute", () => {
  const sink = new Sink();
  sink.reading.startAfter(10);
  new LineCounter(1).take([11, 110, 13].map(event).join("\n"), sink);
  expect(sink.reading.lost(0)).toBeGreaterThan(0);
});

test("what was there before a reader came is not lost to it", () => {
  const reading = new Reading();
  reading.startAfter(4);
  expect(reading.takeRun(5, 6, 2)).toBe(true);
  expect(reading.lost(6)).toBe(0);
  expect(reading.lost(7)).toBe(1);
});

test("seqs that get one digit more are in order", () => {
  const sink = new Sink();
  sink.reading.startAfter(97);
  const frame = [98, 99, 100, 101].map(event).join("\n");
  new LineCounter(1).take(frame, sink);
  expect(sink.reading).toMatchObject({ received: 101, duplicate: 0, reordered: 0 });
  expect(sink.reading.lost(101)).toBe(0);
});
