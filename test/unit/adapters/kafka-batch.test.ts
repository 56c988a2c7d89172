import { describe, expect, test } from "bun:test";
import { Reader, readRecordsBatches } from "@platformatic/kafka";
import fc from "fast-check";
import { encodeBatch, encodePlainBatch } from "../../../src/adapters/kafka/batch-encoder.ts";
import { kafkaCodec } from "../../../src/adapters/kafka/fetch.ts";
import {
  type AbortedTransaction,
  BatchReader,
  CorruptBatchError,
} from "../../../src/kafka/record-batch.ts";
import { KAFKA_COMPRESSIONS } from "../../../src/kafka/settings.ts";
import type { LogRecord } from "../../../src/wire/record.ts";

const IDENTITY = { producerId: 7n, producerEpoch: 3, sequence: 11 };
const TIME = 1_795_254_378_085;

const record = (value: string, key = "k"): LogRecord => ({
  key,
  headers: { tidegate: "1 1 abc", other: "x y" },
  value,
});

/** Moves a batch to an offset, as a broker does. */
function at(batch: Buffer, offset: number): Buffer {
  const moved = Buffer.from(batch);
  moved.writeBigInt64BE(BigInt(offset), 0);
  return moved;
}

/** Sets a batch's attributes. */
function marked(batch: Buffer, attributes: number): Buffer {
  const changed = Buffer.from(batch);
  changed.writeInt16BE(attributes, 21);
  return summed(changed);
}

/** With the checksum of what it holds now. */
function summed(batch: Buffer): Buffer {
  batch.writeUInt32BE(kafkaCodec.crc32c(batch.subarray(21)), 17);
  return batch;
}

function decode(bytes: Buffer, from: number, aborted: readonly AbortedTransaction[] = []) {
  const reader = new BatchReader(bytes, from, aborted, kafkaCodec);
  const { records, offsets } = reader.take(Number.POSITIVE_INFINITY);
  return { records, offsets, nextOffset: reader.next };
}

const plain = (offset: number, ...values: string[]): Buffer =>
  at(
    encodePlainBatch(
      values.map((value) => record(value)),
      TIME,
      IDENTITY,
    ),
    offset,
  );

const valuesOf = (decoded: { records: readonly LogRecord[] }) =>
  decoded.records.map(({ value }) => value);

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: "grapheme", maxLength: 300 }),
);
const ascii = fc.string({ maxLength: 90 });
const anyRecord: fc.Arbitrary<LogRecord> = fc.record({
  key: text,
  headers: fc.dictionary(fc.oneof(ascii, fc.constant("tidegate")), ascii, {
    noNullPrototype: true,
  }),
  value: text,
});

describe("record batches", () => {
  test("what is encoded is decoded again, to the byte", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 80 }), (records) => {
        const decoded = decode(at(encodePlainBatch(records, TIME, IDENTITY), 40), 40);
        expect(decoded.records).toEqual(records);
        expect(decoded.offsets).toEqual(records.map((_, i) => 40 + i));
        expect(decoded.nextOffset).toBe(40 + records.length);
      }),
    );
  });

  test("the library reads the same records, with our identity", () => {
    const records = [record("ä 日本 😀", ""), record("x".repeat(20_000)), record("")];
    const [batch] = readRecordsBatches(Reader.from(encodePlainBatch(records, TIME, IDENTITY)));
    expect(batch).toMatchObject({
      producerId: 7n,
      producerEpoch: 3,
      firstSequence: 11,
      lastOffsetDelta: 2,
      firstTimestamp: BigInt(TIME),
      maxTimestamp: BigInt(TIME),
      magic: 2,
    });
    expect(batch?.records.map(({ key, value }) => [String(key), String(value)])).toEqual(
      records.map(({ key, value }) => [key, value]),
    );
    expect(
      batch?.records[0]?.headers.map(([name, value]) => `${String(name)}=${String(value)}`),
    ).toEqual(["tidegate=1 1 abc", "other=x y"]);
  });

  test.each(KAFKA_COMPRESSIONS.map((name) => [name] as const))("%s comes back", async (codec) => {
    const records = Array.from({ length: 500 }, (_, i) => record(`${i} ä`.repeat(20)));
    const bytes = await encodeBatch(records, TIME, IDENTITY, codec);
    expect(decode(bytes, 0).records).toEqual(records);
    const whole = encodePlainBatch(records, TIME, IDENTITY).length;
    if (codec === "none") expect(bytes.length).toBe(whole);
    else expect(bytes.length).toBeLessThan(whole / 2);
  });

  test("decoding starts in the middle of a batch", () => {
    const bytes = Buffer.concat([plain(10, "a", "b", "c"), plain(13, "d", "e")]);
    expect(decode(bytes, 11)).toMatchObject({ offsets: [11, 12, 13, 14], nextOffset: 15 });
  });

  test("a batch that is cut off at the end is left for the next time", () => {
    const second = plain(1, "b");
    for (const kept of [1, 12, 61, second.length - 1]) {
      const bytes = Buffer.concat([plain(0, "a"), second.subarray(0, kept)]);
      const decoded = decode(bytes, 0);
      expect([valuesOf(decoded), decoded.nextOffset]).toEqual([["a"], 1]);
    }
  });

  test("aborted records and markers are passed over, and the reader goes on behind them", () => {
    const TRANSACTIONAL = 0b10000;
    const CONTROL = 0b100000;
    const marker = Buffer.from(plain(3, "m"));
    // The marker's record: its key is version 0 and type 0, abort.
    const bytes = Buffer.concat([
      plain(0, "before"),
      marked(plain(1, "gone", "gone too"), TRANSACTIONAL),
      marked(abortMarker(marker, 3), TRANSACTIONAL | CONTROL),
      marked(plain(4, "after"), TRANSACTIONAL),
    ]);
    const decoded = decode(bytes, 0, [{ producerId: 7, firstOffset: 1 }]);
    expect([valuesOf(decoded), decoded.offsets, decoded.nextOffset]).toEqual([
      ["before", "after"],
      [0, 4],
      5,
    ]);
    expect(
      decode(bytes.subarray(0, bytes.length - plain(4, "after").length), 1, [
        { producerId: 7, firstOffset: 1 },
      ]),
    ).toEqual({ records: [], offsets: [], nextOffset: 4 });
  });

  test("a foreign record's nulls and bytes become texts, and nothing throws", () => {
    // length, attributes, time, offset, key −1, value −1, one header: name ff, value −1
    const body = Buffer.from([0x12, 0, 0, 0, 0x01, 0x01, 0x02, 0x02, 0xff, 0x01]);
    const head = Buffer.from(plain(0, "x").subarray(0, 61));
    const bytes = Buffer.concat([head, body]);
    bytes.writeInt32BE(bytes.length - 12, 8);
    expect(decode(summed(bytes), 0).records).toEqual([
      { key: "", headers: { "\ufffd": "" }, value: "" },
    ]);
  });

  test("what is no record batch is said to be corrupt", () => {
    const old = Buffer.from(plain(0, "x"));
    old[16] = 1;
    const garbled = Buffer.from(plain(0, "x"));
    garbled.fill(0xff, 61);
    summed(garbled);
    const flipped = Buffer.from(plain(0, "x"));
    flipped[70] = (flipped[70] as number) ^ 1;
    const squeezed = marked(plain(0, "x".repeat(100)), 4);
    for (const bytes of [old, garbled, flipped, squeezed])
      expect(() => decode(bytes, 0)).toThrow(CorruptBatchError);
  });
});

function abortMarker(batch: Buffer, offset: number): Buffer {
  const key = Buffer.from([0, 0, 0, 0]);
  const record = Buffer.concat([
    Buffer.from([0, 0, 0, key.length << 1]),
    key,
    Buffer.from([0x01, 0]),
  ]);
  const bytes = Buffer.concat([batch.subarray(0, 61), Buffer.from([record.length << 1]), record]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  return at(summed(bytes), offset);
}
