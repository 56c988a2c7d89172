import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import { setHeader } from "../../kafka/record.ts";
import type { LogRecord } from "../../wire/record.ts";

/** A transaction that was aborted, as a fetch response tells of it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** Where decoded records go. */
export interface DecodedRecords {
  readonly records: LogRecord[];
  readonly offsets: number[];
  nextOffset: number;
}

const HEADER_BYTES = 61;
/** Base offset and length, which are not counted in the length. */
const FRAME_BYTES = 12;
const COMPRESSION = 0b111;
const TRANSACTIONAL = 0b10000;
const CONTROL = 0b100000;
const ABORT_MARKER = 0;

/**
 * Decodes the record batches of a fetch response from `from` on. A batch that is cut off at the end,
 * as brokers may send it, is left for the next fetch; control batches and, with `aborted` given,
 * aborted records are passed over.
 *
 * @param recordsMax the rest stays for the next fetch
 * @throws log_corrupt for bytes that are no record batch
 */
export function decodeBatches(
  bytes: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[] = [],
  recordsMax = Number.POSITIVE_INFINITY,
): DecodedRecords {
  const decoded: DecodedRecords = { records: [], offsets: [], nextOffset: from };
  const open = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborting = new Set<bigint>();
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + FRAME_BYTES + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const magic = bytes[at + 16];
    if (magic !== 2)
      throw new AppError("log_corrupt", `Record format ${magic} is not read; the topic's is 2`);
    const base = readOffset(bytes, at);
    const last = base + bytes.readInt32BE(at + 23);
    const attributes = bytes.readInt16BE(at + 21);
    while (open[0] !== undefined && open[0].firstOffset <= last)
      aborting.add((open.shift() as AbortedTransaction).producerId);
    if (last >= from) {
      const skipped = skips(bytes, at, attributes, aborting);
      if (!skipped && !decodeRecords(bytes.subarray(at, end), base, decoded, recordsMax)) break;
      decoded.nextOffset = last + 1;
    } else if ((attributes & CONTROL) !== 0) skips(bytes, at, attributes, aborting);
    at = end;
  }
  return decoded;
}

/** Whether a batch holds nothing for readers. */
function skips(bytes: Buffer, at: number, attributes: number, aborting: Set<bigint>): boolean {
  if ((attributes & CONTROL) !== 0) {
    // Of a marker's one record: length, attributes, two deltas, the key's length, its version.
    if (bytes.readInt16BE(at + HEADER_BYTES + 7) === ABORT_MARKER)
      aborting.delete(bytes.readBigInt64BE(at + 43));
    return true;
  }
  return (attributes & TRANSACTIONAL) !== 0 && aborting.has(bytes.readBigInt64BE(at + 43));
}

/** @returns false when there was no room for all of the batch */
function decodeRecords(
  batch: Buffer,
  base: number,
  decoded: DecodedRecords,
  recordsMax: number,
): boolean {
  const count = batch.readInt32BE(57);
  const compression = batch.readInt16BE(21) & COMPRESSION;
  const body = compression === 0 ? batch.subarray(HEADER_BYTES) : decompressed(batch, compression);
  const cursor = new Cursor(body);
  const { records, offsets } = decoded;
  for (let i = 0; i < count; i++) {
    const length = cursor.varint();
    const end = cursor.at + length;
    if (length <= 0 || end > body.length) throw new AppError("log_corrupt", "A record is cut off");
    cursor.at++;
    cursor.skipVarint();
    const offset = base + cursor.varint();
    if (offset >= decoded.nextOffset) {
      if (records.length >= recordsMax) return false;
      records.push(cursor.record(end));
      offsets.push(offset);
      decoded.nextOffset = offset + 1;
    }
    cursor.at = end;
  }
  return true;
}

function decompressed(batch: Buffer, compression: number): Buffer {
  const algorithm = compressionsAlgorithmsByBitmask[compression];
  if (algorithm === undefined)
    throw new AppError("log_corrupt", `Compression ${compression} is not known`);
  try {
    return algorithm.decompressSync(batch.subarray(HEADER_BYTES));
  } catch (error) {
    throw new AppError("log_corrupt", "A batch cannot be decompressed", { cause: error });
  }
}

/** Exact up to 2^53. */
function readOffset(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** Nearly every record's only header; comparing its bytes is cheaper than making its name. */
const OUR_HEADER = Buffer.from("tidegate");

/** Reads a batch's records. A class: a reader of closures costs twice as much. */
class Cursor {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Zigzag, 32 bits. */
  varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++] as number;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  skipVarint(): void {
    const bytes = this.#bytes;
    while ((bytes[this.at++] as number) >= 0x80);
  }

  record(end: number): LogRecord {
    const key = this.text();
    const value = this.text();
    const headers: Record<string, string> = {};
    for (let left = this.varint(); left > 0; left--) {
      if (this.at >= end) throw new AppError("log_corrupt", "A record's headers are cut off");
      const name = this.name();
      setHeader(headers, name, this.text());
    }
    return { key, headers, value };
  }

  private text(): string {
    const length = this.varint();
    if (length <= 0) return "";
    const from = this.at;
    this.at += length;
    return this.#bytes.toString("utf8", from, this.at);
  }

  private name(): string {
    const bytes = this.#bytes;
    const { at } = this;
    if (bytes[at] !== OUR_HEADER.length << 1) return this.text();
    for (let i = 0; i < OUR_HEADER.length; i++)
      if (bytes[at + 1 + i] !== OUR_HEADER[i]) return this.text();
    this.at += 1 + OUR_HEADER.length;
    return "tidegate";
  }
}
