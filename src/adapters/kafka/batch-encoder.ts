import { compressionsAlgorithms, crc32c, Writer } from "@platformatic/kafka";
import type { KafkaCompression } from "../../kafka/settings.ts";
import type { LogRecord } from "../../wire/record.ts";

/** Who writes a batch and its place in what they write to the partition (KIP-98). */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Of the batch's first record. */
  readonly sequence: number;
  /** Part of a transaction: readers wait for its end. */
  readonly transactional?: true;
}

/** Bytes before the records: the batch's own header. */
const HEADER_BYTES = 61;
/** Where the checksum is, and where what it covers begins. */
const CRC_AT = 17;
const CHECKED_FROM = 21;
/** Varints of one record, all at their largest, but those of its headers. */
const RECORD_OVERHEAD = 36;
const HEADER_OVERHEAD = 10;
const TRANSACTIONAL = 0b10000;
/** Of the last batch: the next one is likely to be alike. */
let bytesPerUnit = 1.2;

/**
 * A record batch of format 2, uncompressed but for its records
 * (org.apache.kafka.common.record.DefaultRecordBatch). Written straight into one buffer: the
 * library's own encoder takes about three times as long, with several small buffers a record.
 */
export async function encodeBatch(
  records: readonly LogRecord[],
  timestamp: number,
  identity: BatchIdentity,
  compression: KafkaCompression,
): Promise<Buffer> {
  const plain = encodeRecords(records);
  if (compression === "none") return finish(plain, 0, records.length, timestamp, identity);
  const algorithm = compressionsAlgorithms[compression];
  const body = plain.subarray(HEADER_BYTES);
  // Gzip takes milliseconds; the others are done before a thread had begun.
  const compressed =
    "compress" in algorithm ? await algorithm.compress(body) : algorithm.compressSync(body);
  const whole = Buffer.allocUnsafe(HEADER_BYTES + compressed.length);
  compressed.copy(whole, HEADER_BYTES);
  return finish(whole, algorithm.bitmask, records.length, timestamp, identity);
}

/** As {@link encodeBatch} for what is not compressed, without a promise. */
export function encodePlainBatch(
  records: readonly LogRecord[],
  timestamp: number,
  identity: BatchIdentity,
): Buffer {
  return finish(encodeRecords(records), 0, records.length, timestamp, identity);
}

function finish(
  batch: Buffer,
  attributes: number,
  count: number,
  timestamp: number,
  identity: BatchIdentity,
): Buffer {
  batch.writeBigInt64BE(0n, 0);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(identity.transactional === true ? attributes | TRANSACTIONAL : attributes, 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeBigInt64BE(BigInt(timestamp), 27);
  batch.writeBigInt64BE(BigInt(timestamp), 35);
  batch.writeBigInt64BE(identity.producerId, 43);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.sequence, 53);
  batch.writeInt32BE(count, 57);
  // Wrapped: of plain bytes the library makes a copy first.
  const checked = Writer.create().append(batch.subarray(CHECKED_FROM)).dynamicBuffer;
  batch.writeUInt32BE(crc32c(checked), CRC_AT);
  return batch;
}

/** The records behind room for the batch's header. */
function encodeRecords(records: readonly LogRecord[]): Buffer {
  let units = 0;
  for (const record of records) units += record.value.length + 150;
  let buffer: Buffer = Buffer.allocUnsafe(HEADER_BYTES + Math.ceil(units * bytesPerUnit));
  let at = HEADER_BYTES;
  // Of the record at hand, names and texts in turn: counting costs as much as writing.
  const headerBytes: number[] = [];
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as LogRecord;
    const keyBytes = Buffer.byteLength(record.key);
    const valueBytes = Buffer.byteLength(record.value);
    let headers = 0;
    let bytes =
      2 + varintBytes(i) + varintBytes(keyBytes) + keyBytes + varintBytes(valueBytes) + valueBytes;
    let bound = RECORD_OVERHEAD;
    for (const name in record.headers) {
      const nameBytes = Buffer.byteLength(name);
      const textBytes = Buffer.byteLength(record.headers[name] as string);
      headerBytes[2 * headers] = nameBytes;
      headerBytes[2 * headers + 1] = textBytes;
      bytes += varintBytes(nameBytes) + nameBytes + varintBytes(textBytes) + textBytes;
      bound += HEADER_OVERHEAD;
      headers++;
    }
    bytes += varintBytes(headers);
    if (at + bytes + bound > buffer.length) buffer = grown(buffer, at, bytes + bound);
    at = writeVarint(buffer, bytes, at);
    buffer[at++] = 0;
    // All records have the batch's time: a time of its own each would say nothing more.
    buffer[at++] = 0;
    at = writeVarint(buffer, i, at);
    at = writeText(buffer, record.key, keyBytes, at);
    at = writeText(buffer, record.value, valueBytes, at);
    at = writeVarint(buffer, headers, at);
    let header = 0;
    for (const name in record.headers) {
      at = writeText(buffer, name, headerBytes[header++] as number, at);
      at = writeText(buffer, record.headers[name] as string, headerBytes[header++] as number, at);
    }
  }
  bytesPerUnit = Math.max(0.5, Math.min(3, (at / units) * 1.05));
  return buffer.subarray(0, at);
}

function grown(buffer: Buffer, used: number, more: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, used + more));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

function writeText(buffer: Buffer, text: string, bytes: number, from: number): number {
  const at = writeVarint(buffer, bytes, from);
  // Of Buffer's two writers only this one takes long texts by the vector unit.
  return at + buffer.write(text, at, bytes, bytes === text.length ? "latin1" : "utf8");
}

/** Zigzag, for numbers from 0 to 2^31 − 1. */
function varintBytes(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x2000) return 2;
  if (value < 0x100000) return 3;
  return value < 0x8000000 ? 4 : 5;
}

function writeVarint(buffer: Buffer, value: number, from: number): number {
  let left = (value << 1) >>> 0;
  let at = from;
  for (; left > 0x7f; left >>>= 7) buffer[at++] = (left & 0x7f) | 0x80;
  buffer[at++] = left;
  return at;
}
