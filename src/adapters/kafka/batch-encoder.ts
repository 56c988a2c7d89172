import { compressionsAlgorithms, crc32c, Writer } from "@platformatic/kafka";
import type { KafkaCompression } from "../../kafka/settings.ts";
import { copyFew } from "../../wire/few-bytes.ts";
import { writeLatin1 } from "../../wire/latin1.ts";
import { MessageRecord, valueLength } from "../../wire/message-record.ts";
import { VERDICT_HEADER_BYTES } from "../../wire/packed-record.ts";
import { TRACEPARENT, type LogRecord } from "../../wire/record.ts";

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
/** Of the varint with a record's length. */
const LENGTH_BYTES_MAX = 5;
const TRANSACTIONAL = 0b10000;
const TRACEPARENT_BYTES = Buffer.from(TRACEPARENT);
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
  for (const record of records) units += valueLength(record) + 150;
  let buffer: Buffer = Buffer.allocUnsafe(HEADER_BYTES + Math.ceil(units * bytesPerUnit));
  let at = HEADER_BYTES;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as LogRecord;
    const isMessage = record instanceof MessageRecord;
    // Attributes, the time and the place in the batch come first.
    const bytes = 2 + varintBytes(i) + (isMessage ? messageBytes(record) : textBytes(record));
    if (at + LENGTH_BYTES_MAX + bytes > buffer.length)
      buffer = grown(buffer, at, LENGTH_BYTES_MAX + bytes);
    at = writeVarint(buffer, bytes, at);
    buffer[at++] = 0;
    // All records have the batch's time: a time of its own each would say nothing more.
    buffer[at++] = 0;
    at = writeVarint(buffer, i, at);
    at = isMessage ? writeMessage(buffer, record, at) : writeTexts(buffer, record, at);
  }
  bytesPerUnit = Math.max(0.5, Math.min(3, (at / units) * 1.05));
  return buffer.subarray(0, at);
}

/** Of the record at hand, what is written in turn: counting costs as much as writing. */
const sizes: number[] = [];

/** Bytes that {@link writeMessage} takes, which has to come next. */
function messageBytes(record: MessageRecord): number {
  const key = (sizes[0] = record.keyBytes);
  const value = (sizes[1] = record.valueBytes);
  const header = (sizes[2] = record.headerBytes);
  const name = VERDICT_HEADER_BYTES.length;
  const bytes = withLength(key) + withLength(value) + 1 + withLength(name) + withLength(header);
  const { traceparent } = record;
  if (traceparent === undefined) return bytes;
  return bytes + withLength(TRACEPARENT_BYTES.length) + withLength(traceparent.length);
}

function writeMessage(buffer: Buffer, record: MessageRecord, from: number): number {
  let at = record.writeKey(buffer, writeVarint(buffer, sizes[0] as number, from));
  at = record.writeValue(buffer, writeVarint(buffer, sizes[1] as number, at));
  const { traceparent } = record;
  at = writeVarint(buffer, traceparent === undefined ? 1 : 2, at);
  at = writeVarint(buffer, VERDICT_HEADER_BYTES.length, at);
  at = copyFew(VERDICT_HEADER_BYTES, buffer, at);
  at = record.writeHeader(buffer, writeVarint(buffer, sizes[2] as number, at));
  if (traceparent === undefined) return at;
  at = writeVarint(buffer, TRACEPARENT_BYTES.length, at);
  buffer.set(TRACEPARENT_BYTES, at);
  at += TRACEPARENT_BYTES.length;
  return writeLatin1(traceparent, buffer, writeVarint(buffer, traceparent.length, at));
}

/** Bytes that {@link writeTexts} takes, which has to come next. */
function textBytes(record: LogRecord): number {
  const keyBytes = (sizes[0] = Buffer.byteLength(record.key));
  const valueBytes = (sizes[1] = Buffer.byteLength(record.value));
  let bytes = withLength(keyBytes) + withLength(valueBytes);
  let count = 2;
  for (const name in record.headers) {
    const nameBytes = Buffer.byteLength(name);
    const headerBytes = Buffer.byteLength(record.headers[name] as string);
    sizes[count++] = nameBytes;
    sizes[count++] = headerBytes;
    bytes += withLength(nameBytes) + withLength(headerBytes);
  }
  sizes.length = count;
  return bytes + varintBytes((count - 2) / 2);
}

function writeTexts(buffer: Buffer, record: LogRecord, from: number): number {
  let at = writeText(buffer, record.key, sizes[0] as number, from);
  at = writeText(buffer, record.value, sizes[1] as number, at);
  at = writeVarint(buffer, (sizes.length - 2) / 2, at);
  let count = 2;
  for (const name in record.headers) {
    at = writeText(buffer, name, sizes[count++] as number, at);
    at = writeText(buffer, record.headers[name] as string, sizes[count++] as number, at);
  }
  return at;
}

function grown(buffer: Buffer, used: number, more: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, used + more));
  buffer.copy(larger, 0, 0, used);
  return larger;
}

function writeText(buffer: Buffer, text: string, bytes: number, from: number): number {
  const at = writeVarint(buffer, bytes, from);
  if (bytes === text.length) return writeLatin1(text, buffer, at);
  return at + buffer.write(text, at, bytes, "utf8");
}

function withLength(bytes: number): number {
  return varintBytes(bytes) + bytes;
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
