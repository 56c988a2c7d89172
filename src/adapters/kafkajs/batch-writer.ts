import type { KafkaCompression } from "../../kafka/settings.ts";
import type { LogRecord } from "../../wire/record.ts";
import { batchCodec, COMPRESSION_BITS, compress } from "./codec.ts";

/** Who writes a batch and its place in what they write, so that a broker takes it once (KIP-98). */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly sequence: number;
}

export interface BatchContent {
  readonly records: readonly LogRecord[];
  readonly timestamp: number;
}

const HEADER_BYTES = 61;
const MAGIC = 2;
const LENGTH_BYTES_MAX = 5;
/** What a record has besides key and value, about: the first guess of the buffer's size. */
const UNITS_BESIDE = 150;

/**
 * One record batch, version 2. Written here and not by the library, which makes three buffers of
 * 512 bytes for each record, and can give all batches of a request only the same epoch.
 */
export function encodeBatch(
  { records, timestamp }: BatchContent,
  identity: BatchIdentity,
  compression: KafkaCompression,
): Buffer {
  const plain = encodeRecords(records);
  const batch =
    compression === "none"
      ? plain
      : Buffer.concat([
          plain.subarray(0, HEADER_BYTES),
          compress(compression, plain.subarray(HEADER_BYTES)),
        ]);
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(MAGIC, 16);
  batch.writeInt16BE(COMPRESSION_BITS[compression], 21);
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(timestamp), 27);
  batch.writeBigInt64BE(BigInt(timestamp), 35);
  batch.writeBigInt64BE(identity.producerId, 43);
  batch.writeInt16BE(identity.epoch, 51);
  batch.writeInt32BE(identity.sequence, 53);
  batch.writeInt32BE(records.length, 57);
  batch.writeUInt32BE(batchCodec.crc32c(batch.subarray(21)) >>> 0, 17);
  return batch;
}

/** Behind room for the batch's header. */
function encodeRecords(records: readonly LogRecord[]): Buffer {
  let units = 0;
  for (const { key, value } of records) units += key.length + value.length + UNITS_BESIDE;
  let bytes = Buffer.allocUnsafe(HEADER_BYTES + units);
  let end = HEADER_BYTES;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as LogRecord;
    const length = bodyBytes(i, record);
    const need = end + LENGTH_BYTES_MAX + length;
    if (need > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(need, bytes.length * 2));
      bytes.copy(larger, 0, 0, end);
      bytes = larger;
    }
    end = writeRecord(bytes, end, i, length, record);
  }
  return bytes.subarray(0, end);
}

function bodyBytes(index: number, { key, value, headers }: LogRecord): number {
  let count = 0;
  // Attributes and time take a byte each.
  let bytes = 2 + varintBytes(index) + textBytes(key) + textBytes(value);
  for (const name in headers) {
    count++;
    bytes += textBytes(name) + textBytes(headers[name] as string);
  }
  return bytes + varintBytes(count);
}

function writeRecord(
  bytes: Buffer,
  at: number,
  index: number,
  length: number,
  { key, value, headers }: LogRecord,
): number {
  let end = writeVarint(bytes, at, length);
  bytes[end++] = 0;
  // All records have the batch's time.
  bytes[end++] = 0;
  end = writeVarint(bytes, end, index);
  end = writeText(bytes, end, key);
  end = writeText(bytes, end, value);
  let count = 0;
  for (const _ in headers) count++;
  end = writeVarint(bytes, end, count);
  for (const name in headers) {
    end = writeText(bytes, end, name);
    end = writeText(bytes, end, headers[name] as string);
  }
  return end;
}

function writeText(bytes: Buffer, at: number, text: string): number {
  const length = Buffer.byteLength(text);
  const start = writeVarint(bytes, at, length);
  if (length > 0) bytes.write(text, start, length, "utf8");
  return start + length;
}

/** Zigzag, seven bits a byte; only numbers from 0 to 2^30 come here. */
function writeVarint(bytes: Buffer, at: number, number: number): number {
  let left = number * 2;
  let end = at;
  for (; left >= 0x80; left >>>= 7) bytes[end++] = (left & 0x7f) | 0x80;
  bytes[end++] = left;
  return end;
}

function varintBytes(number: number): number {
  let count = 1;
  for (let left = number * 2; left >= 0x80; left >>>= 7) count++;
  return count;
}

function textBytes(text: string): number {
  const length = Buffer.byteLength(text);
  return varintBytes(length) + length;
}
