import type { LogRecord } from "../wire/record.ts";
import { setHeader } from "./record.ts";

/** What decoding needs of a Kafka library: both clients bring their own. */
export interface BatchCodec {
  /** Castagnoli's CRC-32. */
  crc32c(bytes: Buffer): number;
  /** @param codec 1 gzip, 2 snappy, 3 lz4, 4 zstd @throws when it is unknown or the bytes are damaged */
  decompress(codec: number, bytes: Buffer): Buffer;
}

/** A transaction that was given up: its producer's records from this offset on count as unsent. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** Records of one partition, in offset order. */
export interface DecodedRecords {
  readonly records: LogRecord[];
  readonly offsets: number[];
}

/** Bytes that Kafka's checksum or layout does not fit, from `offset` on. */
export class CorruptBatchError extends Error {
  readonly offset: number;

  constructor(offset: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "CorruptBatchError";
    this.offset = offset;
  }
}

/** `baseOffset` and `batchLength`, which are not counted in the latter. */
const HEAD_BYTES = 12;
/** From `baseOffset` to the number of records, inclusive. */
const HEADER_BYTES = 61;
const MAGIC = 2;
const CODEC_BITS = 0b111;
const TRANSACTIONAL_BIT = 1 << 4;
const CONTROL_BIT = 1 << 5;
const ABORT_MARKER = 0;
/** Different header names that are remembered, so that each is not decoded for every record. */
const NAMES_MAX = 64;

/**
 * The whole batches in a fetch's bytes: the offset behind the last one and where its bytes end, as
 * brokers cut the last batch where the fetch's limit falls. Reads headers only.
 */
export function scanBatches(bytes: Buffer, offset: number): { next: number; end: number } {
  let next = offset;
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + HEAD_BYTES + bytes.readInt32BE(at + 8);
    if (end > bytes.length || end < at + HEADER_BYTES) break;
    // The same place holds other things before version 2; the decoder tells what is wrong.
    if (bytes[at + 16] === MAGIC)
      next = Math.max(next, readOffset(bytes, at) + bytes.readInt32BE(at + 23) + 1);
    at = end;
  }
  return { next, end: at };
}

/**
 * Goes through the record batches (version 2, KIP-98) of one fetched partition: checks each batch's
 * checksum, unpacks it, and leaves out what comes before the position, control records and records
 * of aborted transactions. Made for speed: no object a record but the record itself.
 */
export class BatchReader {
  /** The offset to read on from; offsets that are left out are behind it. */
  next: number;
  #bytes: Buffer;
  #end: number;
  readonly #codec: BatchCodec;
  readonly #aborted: readonly AbortedTransaction[];
  readonly #abortedProducers = new Set<number>();
  #abortedSeen = 0;
  #at = 0;

  /**
   * @param offset records before it are left out: a batch may begin earlier
   * @param aborted as the broker gave them for a read-committed fetch
   */
  constructor(
    bytes: Buffer,
    offset: number,
    aborted: readonly AbortedTransaction[],
    codec: BatchCodec,
  ) {
    this.#bytes = bytes;
    this.#end = scanBatches(bytes, offset).end;
    this.next = offset;
    this.#codec = codec;
    this.#aborted =
      aborted.length > 1 ? [...aborted].sort((a, b) => a.firstOffset - b.firstOffset) : aborted;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Copies what is left, so that a small rest does not keep a large answer in memory. */
  detach(): void {
    this.#bytes = Buffer.from(this.#bytes.subarray(this.#at, this.#end));
    this.#end -= this.#at;
    this.#at = 0;
  }

  /**
   * Decodes whole batches until there are `recordsMin` records or no more bytes. The bounds of what
   * comes in one call are `recordsMin` plus one batch.
   *
   * @throws CorruptBatchError when nothing comes before the damage; else it is thrown by the next call
   */
  take(recordsMin: number): DecodedRecords {
    const taken: DecodedRecords = { records: [], offsets: [] };
    while (!this.done && taken.records.length < recordsMin) {
      const { next } = this;
      const count = taken.records.length;
      try {
        this.#takeBatch(taken);
      } catch (error) {
        this.next = next;
        taken.records.length = count;
        taken.offsets.length = count;
        if (count > 0) return taken;
        if (error instanceof CorruptBatchError) throw error;
        throw new CorruptBatchError(next, `the batch at offset ${next} is damaged`, error);
      }
    }
    return taken;
  }

  #takeBatch(taken: DecodedRecords): void {
    const bytes = this.#bytes;
    const at = this.#at;
    const base = readOffset(bytes, at);
    const end = at + HEAD_BYTES + bytes.readInt32BE(at + 8);
    const magic = bytes[at + 16];
    if (magic !== MAGIC)
      throw new CorruptBatchError(base, `the batch at offset ${base} has version ${magic}, not 2`);
    if (bytes.readUInt32BE(at + 17) !== this.#codec.crc32c(bytes.subarray(at + 21, end)) >>> 0)
      throw new CorruptBatchError(base, `the checksum of the batch at offset ${base} is wrong`);
    const attributes = bytes.readInt16BE(at + 21);
    const last = base + bytes.readInt32BE(at + 23);
    if (last >= this.next) {
      if (attributes & (TRANSACTIONAL_BIT | CONTROL_BIT)) this.#noteAborted(last);
      if (attributes & CONTROL_BIT) this.#control(at);
      else if (!(attributes & TRANSACTIONAL_BIT) || !this.#isAborted(at)) {
        const codec = attributes & CODEC_BITS;
        const count = bytes.readInt32BE(at + 57);
        if (codec === 0) this.#records(bytes, at + HEADER_BYTES, end, base, count, taken);
        else {
          const body = this.#codec.decompress(codec, bytes.subarray(at + HEADER_BYTES, end));
          this.#records(body, 0, body.length, base, count, taken);
        }
      }
      this.next = last + 1;
    }
    this.#at = end;
  }

  #noteAborted(through: number): void {
    for (; this.#abortedSeen < this.#aborted.length; this.#abortedSeen++) {
      const transaction = this.#aborted[this.#abortedSeen] as AbortedTransaction;
      if (transaction.firstOffset > through) break;
      this.#abortedProducers.add(transaction.producerId);
    }
  }

  #isAborted(at: number): boolean {
    return this.#abortedProducers.has(readOffset(this.#bytes, at + 43));
  }

  /** The marker that ends a transaction: what its producer sends from here on counts again. */
  #control(at: number): void {
    const bytes = this.#bytes;
    const cursor = new Cursor(bytes, at + HEADER_BYTES);
    cursor.varint();
    cursor.position++;
    cursor.skipVarint();
    cursor.varint();
    const keyBytes = cursor.varint();
    if (keyBytes >= 4 && bytes.readInt16BE(cursor.position + 2) === ABORT_MARKER)
      this.#abortedProducers.delete(readOffset(bytes, at + 43));
  }

  #records(
    bytes: Buffer,
    from: number,
    end: number,
    base: number,
    count: number,
    taken: DecodedRecords,
  ): void {
    const cursor = new Cursor(bytes, from);
    const { records, offsets } = taken;
    for (let i = 0; i < count; i++) {
      const length = cursor.varint();
      const stop = cursor.position + length;
      if (length < 0 || stop > end) throw new RangeError("a record is longer than its batch");
      cursor.position++;
      cursor.skipVarint();
      const offset = base + cursor.varint();
      if (offset < this.next) {
        cursor.position = stop;
        continue;
      }
      const key = cursor.text(stop);
      const value = cursor.text(stop);
      const headers: Record<string, string> = {};
      for (let left = cursor.varint(); left > 0; left--) {
        const name = cursor.name(stop);
        const text = cursor.text(stop);
        // `in` costs a look-up: the one name that cannot be set plainly is compared.
        if (name === "__proto__") setHeader(headers, name, text);
        else headers[name] = text;
      }
      if (cursor.position !== stop) throw new RangeError("a record does not fill its length");
      records.push({ key, headers, value });
      offsets.push(offset);
    }
  }
}

/** Reads Kafka's variable-length fields from where it stands. */
class Cursor {
  position: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  /** A zigzag number of up to 32 bits. */
  varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.position++] as number;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let number = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.position++] as number;
      number |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (number >>> 1) ^ -(number & 1);
    }
    throw new RangeError("a number is too long");
  }

  /** Times may have up to 64 bits, and nobody asks for them. */
  skipVarint(): void {
    const bytes = this.#bytes;
    while ((bytes[this.position++] as number) >= 0x80);
  }

  /** Bytes as UTF-8; null as "". */
  text(stop: number): string {
    const length = this.varint();
    if (length <= 0) return "";
    const from = this.position;
    if (from + length > stop) throw new RangeError("a field is longer than its record");
    this.position = from + length;
    return this.#bytes.toString("utf8", from, from + length);
  }

  /** A header's name; the few that there are come again and again. */
  name(stop: number): string {
    const length = this.varint();
    if (length <= 0) return "";
    const from = this.position;
    if (from + length > stop) throw new RangeError("a field is longer than its record");
    this.position = from + length;
    return knownName(this.#bytes, from, length);
  }
}

const names: { readonly text: string; readonly bytes: Buffer }[] = [];

function knownName(bytes: Buffer, from: number, length: number): string {
  for (const known of names) {
    if (known.bytes.length !== length) continue;
    let i = 0;
    while (i < length && known.bytes[i] === bytes[from + i]) i++;
    if (i === length) return known.text;
  }
  const text = bytes.toString("utf8", from, from + length);
  if (names.length < NAMES_MAX)
    names.push({ text, bytes: Buffer.from(bytes.subarray(from, from + length)) });
  return text;
}

/** 64 bits as a number: Kafka's offsets and producer ids stay far below 2^53. */
function readOffset(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
