import { expect, test } from "bun:test";
import { crc32c, createRecordsBatch, type MessageRecord } from "@platformatic/kafka";
import { kafkaCodec } from "../../../src/adapters/kafka/fetch.ts";
import {
  type AbortedTransaction,
  BatchReader,
  CorruptBatchError,
  scanBatches,
} from "../../../src/kafka/record-batch.ts";

interface BatchSpec {
  readonly base: number;
  readonly values: readonly (string | null)[];
  readonly compression?: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly producerId?: number;
  readonly headers?: ReadonlyMap<string, string>;
  readonly key?: string | null;
}

/** A batch as the library's encoder makes it, at an offset as the broker would put it. */
function batch(spec: BatchSpec): Buffer {
  const { base, values, compression = "none", producerId, headers, key = "k" } = spec;
  const messages = values.map((value) => ({
    topic: "t",
    partition: 0,
    key: key === null ? undefined : Buffer.from(key),
    value: value === null ? undefined : Buffer.from(value),
    headers: new Map(
      [...(headers ?? [])].map(([name, text]) => [Buffer.from(name), Buffer.from(text)]),
    ),
  })) as MessageRecord[];
  const bytes = Buffer.from(
    createRecordsBatch(messages, {
      compression,
      ...(producerId === undefined
        ? {}
        : { transactionalId: "x", producerId: BigInt(producerId), producerEpoch: 0 }),
    }).buffer,
  );
  bytes.writeBigInt64BE(BigInt(base), 0);
  return bytes;
}

/** The marker that ends a transaction. */
function marker(base: number, producerId: number, type: "abort" | "commit"): Buffer {
  const bytes = batch({ base, values: ["x"], producerId, key: "\0\0\0\0" });
  const keyAt = bytes.indexOf(Buffer.from([0, 0, 0, 0]), 61);
  bytes.writeInt16BE(type === "abort" ? 0 : 1, keyAt + 2);
  bytes.writeInt16BE(bytes.readInt16BE(21) | (1 << 5), 21);
  return sealed(bytes);
}

function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

function readAll(bytes: Buffer, offset = 0, aborted: readonly AbortedTransaction[] = []) {
  const reader = new BatchReader(bytes, offset, aborted, kafkaCodec);
  const values: string[] = [];
  const offsets: number[] = [];
  while (!reader.done) {
    const taken = reader.take(1);
    values.push(...taken.records.map((record) => record.value));
    offsets.push(...taken.offsets);
  }
  return { values, offsets, next: reader.next };
}

for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const)
  test(`records are read back from batches compressed with ${compression}`, () => {
    const values = Array.from({ length: 50 }, (_, i) => `value ${i} grüße ✓ ${"x".repeat(i * 20)}`);
    const bytes = Buffer.concat([
      batch({ base: 0, values: values.slice(0, 20), compression }),
      batch({ base: 20, values: values.slice(20), compression }),
    ]);
    expect(readAll(bytes)).toEqual({ values, offsets: [...values.keys()], next: 50 });
  });

test("key, value and headers keep their bytes as text, and nulls are empty", () => {
  const headers = new Map([
    ["tidegate", "1 1 abc"],
    ["__proto__", "kept"],
    ["leer", ""],
  ]);
  const bytes = batch({ base: 7, values: ["wert ü", null], headers, key: "schlüssel" });
  const { records } = new BatchReader(bytes, 0, [], kafkaCodec).take(10);
  expect(records[0]?.key).toBe("schlüssel");
  expect(records[0]?.value).toBe("wert ü");
  expect(Object.entries(records[0]?.headers ?? {})).toEqual([...headers]);
  expect(records[1]?.value).toBe("");
  const keyless = new BatchReader(batch({ base: 0, values: ["v"], key: null }), 0, [], kafkaCodec);
  expect(keyless.take(1).records[0]?.key).toBe("");
});

test("reading begins within a batch, and leaves out what comes before", () => {
  const bytes = batch({ base: 100, values: ["a", "b", "c", "d"] });
  expect(readAll(bytes, 102)).toEqual({ values: ["c", "d"], offsets: [102, 103], next: 104 });
});

test("a batch that is cut off at the end waits for the next fetch", () => {
  const whole = batch({ base: 0, values: ["a", "b"] });
  const cut = batch({ base: 2, values: ["c", "d"] });
  const bytes = Buffer.concat([whole, cut.subarray(0, cut.length - 3)]);
  expect(scanBatches(bytes, 0)).toEqual({ next: 2, end: whole.length });
  expect(readAll(bytes)).toEqual({ values: ["a", "b"], offsets: [0, 1], next: 2 });
  expect(scanBatches(cut.subarray(0, 40), 2)).toEqual({ next: 2, end: 0 });
});

test("records of aborted transactions and markers are left out, and offsets go on behind them", () => {
  const bytes = Buffer.concat([
    batch({ base: 0, values: ["given up"], producerId: 5 }),
    batch({ base: 1, values: ["other"], producerId: 6 }),
    batch({ base: 2, values: ["plain"] }),
    marker(3, 5, "abort"),
    batch({ base: 4, values: ["kept"], producerId: 5 }),
    marker(5, 5, "commit"),
    marker(6, 6, "commit"),
  ]);
  const read = readAll(bytes, 0, [{ producerId: 5, firstOffset: 0 }]);
  expect(read).toEqual({ values: ["other", "plain", "kept"], offsets: [1, 2, 4], next: 7 });
});

test("an aborted transaction that begins later does not hide what its producer sent before", () => {
  const bytes = Buffer.concat([
    batch({ base: 0, values: ["first"], producerId: 5 }),
    marker(1, 5, "commit"),
    batch({ base: 2, values: ["second"], producerId: 5 }),
    marker(3, 5, "abort"),
  ]);
  expect(readAll(bytes, 0, [{ producerId: 5, firstOffset: 2 }]).values).toEqual(["first"]);
});

test("a damaged batch is told with its offset, after what came before it", () => {
  const damaged = batch({ base: 2, values: ["c"] });
  damaged[damaged.length - 2] = (damaged[damaged.length - 2] as number) ^ 1;
  const reader = new BatchReader(
    Buffer.concat([batch({ base: 0, values: ["a", "b"] }), damaged]),
    0,
    [],
    kafkaCodec,
  );
  expect(reader.take(100).records.map((record) => record.value)).toEqual(["a", "b"]);
  expect(reader.next).toBe(2);
  expect(() => reader.take(100)).toThrow(CorruptBatchError);
  try {
    reader.take(100);
  } catch (error) {
    expect((error as CorruptBatchError).offset).toBe(2);
  }
});

test("records that do not fit their batch are damage, even where the checksum fits", () => {
  const count = batch({ base: 0, values: ["a"] });
  count.writeInt32BE(2, 57);
  expect(() => readAll(sealed(count))).toThrow(CorruptBatchError);
  const length = batch({ base: 0, values: ["a"] });
  length[61] = 0x7e;
  expect(() => readAll(sealed(length))).toThrow(CorruptBatchError);
  const packed = batch({ base: 0, values: ["aaaaaaaaaaaaaaaaaaaa"], compression: "gzip" });
  packed.fill(0x55, 65);
  expect(() => readAll(sealed(packed))).toThrow(CorruptBatchError);
});

test("an older format is told, not misread", () => {
  const old = batch({ base: 0, values: ["a"] });
  old[16] = 1;
  expect(() => readAll(old)).toThrow("version 1");
});

test("what is left can be moved to memory of its own", () => {
  const bytes = Buffer.concat([
    batch({ base: 0, values: ["a"] }),
    batch({ base: 1, values: ["b"] }),
    batch({ base: 2, values: ["c"] }),
  ]);
  const reader = new BatchReader(bytes, 0, [], kafkaCodec);
  reader.take(1);
  reader.detach();
  bytes.fill(0);
  expect(reader.take(10)).toMatchObject({ offsets: [1, 2] });
  expect(reader.done).toBe(true);
});
