import { PackedRecord, type RecordLayout, VERDICT_HEADER_BYTES } from "../wire/packed-record.ts";
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
/** Keys that are remembered, a power of two, and how long they may be. */
const KEYS_MAX = 8_192;
const KEY_BYTES_MAX = 256;
const HASH_PRIME = 0x0100_0193;
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
 * of aborted transactions. Made for speed: no object a record but the record itself, and no text but
 * the key.
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
    const packed = this.takePacked(recordsMin);
    return {
      records: packed.map((record) => record.decode()),
      offsets: packed.map(({ offset }) => offset),
    };
  }

  /** As {@link take}, with nothing decoded but what says where everything is. */
  takePacked(recordsMin: number): PackedRecord[] {
    const taken: PackedRecord[] = [];
    while (!this.done && taken.length < recordsMin) {
      const { next } = this;
      const count = taken.length;
      try {
        this.#takeBatch(taken);
      } catch (error) {
        this.next = next;
        taken.length = count;
        if (count > 0) return taken;
        if (error instanceof CorruptBatchError) throw error;
        throw new CorruptBatchError(next, `the batch at offset ${next} is damaged`, error);
      }
    }
    return taken;
  }

  #takeBatch(taken: PackedRecord[]): void {
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
    taken: PackedRecord[],
  ): void {
    const cursor = new Cursor(bytes, from);
    for (let i = 0; i < count; i++) {
      const length = cursor.varint();
      const start = cursor.position;
      const stop = start + length;
      if (length < 0 || stop > end) throw new RangeError("a record is longer than its batch");
      cursor.position++;
      cursor.skipVarint();
      const offset = base + cursor.varint();
      if (offset < this.next) {
        cursor.position = stop;
        continue;
      }
      const keyBytes = cursor.field(stop);
      const key = knownKey(bytes, cursor.position - keyBytes, keyBytes);
      const valueBytes = cursor.field(stop);
      const valueEnd = cursor.position;
      let headerStart = 0;
      let headerEnd = 0;
      const headers = cursor.varint();
      for (let left = headers; left > 0; left--) {
        const nameBytes = cursor.field(stop);
        const isVerdict = isVerdictHeader(bytes, cursor.position - nameBytes, nameBytes);
        const textBytes = cursor.field(stop);
        if (!isVerdict) continue;
        headerEnd = cursor.position;
        headerStart = headerEnd - textBytes;
      }
      if (cursor.position !== stop) throw new RangeError("a record does not fill its length");
      const valueStart = valueEnd - valueBytes;
      taken.push(
        new PackedRecord(
          LAYOUT,
          bytes,
          offset,
          key,
          start,
          headers,
          headerStart,
          headerEnd,
          valueStart,
          valueEnd,
        ),
      );
    }
  }
}

/** The layout of one record, which was walked through before: lengths are not checked again. */
const LAYOUT: RecordLayout = {
  decode({ bytes, start, key }: PackedRecord): LogRecord {
    const cursor = new Cursor(bytes, start + 1);
    cursor.skipVarint();
    cursor.skipVarint();
    cursor.field(bytes.length);
    const value = cursor.text();
    const headers: Record<string, string> = {};
    for (let left = cursor.varint(); left > 0; left--) {
      const name = cursor.name();
      const text = cursor.text();
      // `in` costs a look-up: the one name that cannot be set plainly is compared.
      if (name === "__proto__") setHeader(headers, name, text);
      else headers[name] = text;
    }
    return { key, headers, value };
  },
};

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

  /** Passes over bytes with their length before them; null counts as none. @returns how many */
  field(stop: number): number {
    const length = this.varint();
    if (length <= 0) return 0;
    this.position += length;
    if (this.position > stop) throw new RangeError("a field is longer than its record");
    return length;
  }

  /** Bytes as UTF-8; null as "". */
  text(): string {
    const length = this.field(this.#bytes.length);
    return length === 0 ? "" : this.#bytes.toString("utf8", this.position - length, this.position);
  }

  /** A header's name; the few that there are come again and again. */
  name(): string {
    const length = this.field(this.#bytes.length);
    return length === 0 ? "" : knownName(this.#bytes, this.position - length, length);
  }
}

function isVerdictHeader(bytes: Buffer, from: number, length: number): boolean {
  if (length !== VERDICT_HEADER_BYTES.length) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== VERDICT_HEADER_BYTES[i]) return false;
  return true;
}

/** Keys that were seen last, by a hash of their bytes: a conversation's come again and again. */
const keys: ({ readonly text: string; readonly bytes: Buffer } | undefined)[] = Array.from({
  length: KEYS_MAX,
});

function knownKey(bytes: Buffer, from: number, length: number): string {
  if (length === 0) return "";
  if (length > KEY_BYTES_MAX) return bytes.toString("utf8", from, from + length);
  let hash = length;
  for (let i = from; i < from + length; i++)
    hash = Math.imul(hash ^ (bytes[i] as number), HASH_PRIME);
  const slot = (hash ^ (hash >>> 15)) & (KEYS_MAX - 1);
  const known = keys[slot];
  if (known?.bytes.length === length) {
    let i = 0;
    while (i < length && known.bytes[i] === bytes[from + i]) i++;
    if (i === length) return known.text;
  }
  const text = bytes.toString("utf8", from, from + length);
  keys[slot] = { text, bytes: Buffer.from(bytes.subarray(from, from + length)) };
  return text;
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
