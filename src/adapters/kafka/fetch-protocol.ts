import { createAPI, Writer, type API, type Reader } from "@platformatic/kafka";
import type { AbortedTransaction } from "../../kafka/record-batch.ts";

/** A partition in a fetch's request. */
export interface FetchAsk {
  readonly partition: number;
  readonly offset: number;
}

export interface FetchRequest {
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionMaxBytes: number;
  /** Of an incremental fetch session (KIP-227); 0 to begin one. */
  readonly sessionId: number;
  readonly sessionEpoch: number;
  /** By topic id (32 hexadecimal digits): what is new in the session. */
  readonly asks: ReadonlyMap<string, readonly FetchAsk[]>;
  /** By topic id: what leaves the session. */
  readonly forgotten: ReadonlyMap<string, readonly number[]>;
}

export interface FetchedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly code: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as the broker keeps them; shares the answer's memory. */
  readonly bytes: Buffer;
}

export interface FetchResponse {
  readonly throttleMs: number;
  readonly code: number;
  readonly sessionId: number;
  readonly partitions: readonly FetchedPartition[];
}

const FETCH_KEY = 1;
/** The first one that names topics by id (KIP-516), so that a topic made again is never mixed up. */
const FETCH_VERSION = 13;
const READ_COMMITTED = 1;
const UUID_BYTES = 16;
const NO_ABORTED: readonly AbortedTransaction[] = [];

/**
 * Fetch as the protocol guide has it, without the library's decoder: that one makes objects for every
 * batch, record and header, which is most of what reading costs.
 */
export const fetchApi: API<[request: FetchRequest], FetchResponse> = createAPI(
  FETCH_KEY,
  FETCH_VERSION,
  encodeFetch,
  (_correlationId, _key, _version, reader: Reader) => decodeFetch(reader.buffer, reader.position),
);

function encodeFetch(request: FetchRequest): Writer {
  const { asks, forgotten } = request;
  let size = 64;
  for (const list of asks.values()) size += 32 + list.length * 33;
  for (const list of forgotten.values()) size += 32 + list.length * 4;
  const out = new Output(size);
  // From no replica, but a client.
  out.int32(-1);
  out.int32(request.maxWaitMs);
  out.int32(1);
  out.int32(request.maxBytes);
  out.int8(READ_COMMITTED);
  out.int32(request.sessionId);
  out.int32(request.sessionEpoch);
  out.length(asks.size);
  for (const [topicId, list] of asks) {
    out.uuid(topicId);
    out.length(list.length);
    for (const { partition, offset } of list) {
      out.int32(partition);
      out.int32(-1);
      out.int64(offset);
      out.int32(-1);
      out.int64(-1);
      out.int32(request.partitionMaxBytes);
      out.int8(0);
    }
    out.int8(0);
  }
  out.length(forgotten.size);
  for (const [topicId, list] of forgotten) {
    out.uuid(topicId);
    out.length(list.length);
    for (const partition of list) out.int32(partition);
    out.int8(0);
  }
  // No rack, no tagged fields.
  out.length(0);
  out.int8(0);
  return Writer.create().append(out.bytes);
}

/** @throws RangeError when the bytes are no answer */
function decodeFetch(bytes: Chunks, position: number): FetchResponse {
  const input = new Input(bytes, position);
  const throttleMs = input.int32();
  const code = input.int16();
  const sessionId = input.int32();
  const partitions: FetchedPartition[] = [];
  for (let topics = input.length(); topics > 0; topics--) {
    const topicId = input.uuid();
    for (let count = input.length(); count > 0; count--) {
      const partition = input.int32();
      const partitionCode = input.int16();
      // High watermark, last stable offset, log start.
      input.position += 24;
      const aborted = input.aborted();
      // Preferred replica: only for racks.
      input.position += 4;
      const size = input.length();
      const from = input.position;
      input.position += size;
      partitions.push({
        topicId,
        partition,
        code: partitionCode,
        aborted,
        // One partition's: only what lies in two chunks is copied.
        bytes: bytes.slice(from, Math.min(from + size, bytes.length)),
      });
      input.skipTags();
    }
    input.skipTags();
  }
  if (input.position > bytes.length) throw new RangeError("a fetch's answer is cut off");
  return { throttleMs, code, sessionId, partitions };
}

class Output {
  readonly #buffer: Buffer;
  #position = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#position);
  }

  int8(value: number): void {
    this.#position = this.#buffer.writeInt8(value, this.#position);
  }

  int32(value: number): void {
    this.#position = this.#buffer.writeInt32BE(value, this.#position);
  }

  int64(value: number): void {
    this.int32(Math.floor(value / 0x1_0000_0000));
    this.#position = this.#buffer.writeUInt32BE(value >>> 0, this.#position);
  }

  /** Compact arrays and strings have their length plus one, in groups of seven bits. */
  length(count: number): void {
    let rest = count + 1;
    while (rest >= 0x80) {
      this.#buffer[this.#position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#position++] = rest;
  }

  uuid(hex: string): void {
    this.#position += this.#buffer.write(hex, this.#position, UUID_BYTES, "hex");
  }
}

/** An answer in the pieces that it came in. */
type Chunks = Reader["buffer"];

class Input {
  position: number;
  readonly #bytes: Chunks;

  constructor(bytes: Chunks, position: number) {
    this.#bytes = bytes;
    this.position = position;
  }

  int16(): number {
    this.position += 2;
    return this.#bytes.readInt16BE(this.position - 2);
  }

  int32(): number {
    this.position += 4;
    return this.#bytes.readInt32BE(this.position - 4);
  }

  int64(): number {
    const high = this.int32();
    this.position += 4;
    return high * 0x1_0000_0000 + this.#bytes.readUInt32BE(this.position - 4);
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes.get(this.position++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a fetch's answer is malformed");
  }

  /** Null counts as empty. */
  length(): number {
    return Math.max(0, this.unsigned() - 1);
  }

  uuid(): string {
    this.position += UUID_BYTES;
    return this.#bytes.slice(this.position - UUID_BYTES, this.position).toString("hex");
  }

  aborted(): readonly AbortedTransaction[] {
    const count = this.length();
    if (count === 0) return NO_ABORTED;
    return Array.from({ length: count }, () => {
      const producerId = this.int64();
      const firstOffset = this.int64();
      this.skipTags();
      return { producerId, firstOffset };
    });
  }

  skipTags(): void {
    for (let count = this.unsigned(); count > 0; count--) {
      this.unsigned();
      this.position += this.unsigned();
    }
  }
}
