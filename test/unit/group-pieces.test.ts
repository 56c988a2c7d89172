import { expect, spyOn, test } from "bun:test";
import { piecesOf } from "../../src/group/pieces.ts";
import { packedBatch } from "../../src/kafka/packed-batch.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { packRecords } from "../support/packed-records.ts";

const RECORDS: LogRecord[] = Array.from({ length: 5 }, (_, i) => ({
  key: `k${i}`,
  headers: {},
  value: `{"n":${i}}`,
}));

/** As text, with holes in the offsets. */
function plain(count: number): RecordBatch {
  const offsets = [3, 4, 7, 8, 20].slice(0, count);
  return { topic: "t", partition: 2, records: RECORDS.slice(0, count), offsets, nextOffset: 30 };
}

const shown = (piece: RecordBatch) => ({
  keys: piece.records.map(({ key }) => key),
  offsets: [...piece.offsets],
  nextOffset: piece.nextOffset,
});

test("a batch comes in pieces that follow each other up to its end", () => {
  const pieces = [...piecesOf(plain(5), 2)];
  expect(pieces.map(shown)).toEqual([
    { keys: ["k0", "k1"], offsets: [3, 4], nextOffset: 7 },
    { keys: ["k2", "k3"], offsets: [7, 8], nextOffset: 20 },
    { keys: ["k4"], offsets: [20], nextOffset: 30 },
  ]);
  expect(pieces.every(({ topic, partition }) => topic === "t" && partition === 2)).toBe(true);
});

test("a small batch is its own piece, and an empty one has none", () => {
  const batch = plain(2);
  expect([...piecesOf(batch, 2)]).toEqual([batch]);
  expect([...piecesOf(plain(0), 2)]).toEqual([]);
});

test("records that are bytes become text piece by piece, once each", () => {
  const packed = packRecords(RECORDS, 40);
  const decodes = packed.map((record) => spyOn(record, "decode"));
  const count = () => decodes.reduce((sum, decode) => sum + decode.mock.calls.length, 0);
  const pieces = piecesOf(packedBatch("t", 2, packed, 45), 2)[Symbol.iterator]();
  const first = pieces.next().value as RecordBatch;
  expect(count()).toBe(0);
  expect(shown(first)).toEqual({ keys: ["k0", "k1"], offsets: [40, 41], nextOffset: 42 });
  expect(first.records[1]?.value).toBe('{"n":1}');
  expect(first.packed).toEqual(packed.slice(0, 2));
  expect(count()).toBe(2);
  pieces.next();
  expect(shown(pieces.next().value as RecordBatch)).toEqual({
    keys: ["k4"],
    offsets: [44],
    nextOffset: 45,
  });
});
