import { parseVerdictHeader, sliceEvent, type LogRecord } from "./record.ts";
import { xxHash32 } from "./xx-hash.ts";

/** The name of the header that {@link parseVerdictHeader} reads. */
export const VERDICT_HEADER_BYTES = Buffer.from("tidegate");

const HEADER_BYTES_MAX = 200;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const ZERO = 48;
const BACKSLASH = 92;
const CLOSE = 125;
const DIGITS_MAX = 7;
const ID_START = Buffer.from('{"id":"');
const AFTER_ID = Buffer.from('","type":');
const BODY_START = Buffer.from('"key":"');

/** Turns a log's bytes into a record as text. */
export interface RecordLayout {
  decode(record: PackedRecord): LogRecord;
}

/**
 * A record in the bytes that it came in. Most of them are only ever copied from one buffer to another:
 * strings are made for those who ask. Says exactly what {@link parseVerdictHeader} and
 * {@link sliceEvent} say of its text, and asks them whenever a record is in any way unusual.
 */
export class PackedRecord {
  readonly bytes: Buffer;
  readonly start: number;
  readonly offset: number;
  readonly key: string;
  /** How many headers it has, the verdict's included. */
  readonly headers: number;
  /** As in the verdict's header; −1 for a malformed record. Known after {@link read}. */
  attempt = -1;
  /** Of the bytes: `<fingerprint> <id>`, which follow each other. */
  fingerprintStart = 0;
  fingerprintEnd = 0;
  idStart = 0;
  idEnd = 0;
  /** Bytes of the event's text; an upper bound where it is only text. */
  eventBytes = 0;
  /** The event, where bytes cannot be taken for it. */
  text: { readonly id: string; readonly fingerprint: string; readonly event: string } | undefined;
  readonly #layout: RecordLayout;
  readonly #headerStart: number;
  readonly #headerEnd: number;
  readonly #valueStart: number;
  readonly #valueEnd: number;
  #headEnd = 0;
  #bodyStart = 0;
  #hashSeed = -1;
  #hash = 0;

  /**
   * @param start of the record, for its layout
   * @param headerStart of the verdict header's value; it is empty when there is none
   */
  constructor(
    layout: RecordLayout,
    bytes: Buffer,
    offset: number,
    key: string,
    start: number,
    headers: number,
    headerStart: number,
    headerEnd: number,
    valueStart: number,
    valueEnd: number,
  ) {
    this.#layout = layout;
    this.bytes = bytes;
    this.offset = offset;
    this.key = key;
    this.start = start;
    this.headers = headers;
    this.#headerStart = headerStart;
    this.#headerEnd = headerEnd;
    this.#valueStart = valueStart;
    this.#valueEnd = valueEnd;
  }

  /** Reads the verdict's header. @returns whether the record is one of ours and whole */
  read(): boolean {
    if (this.#readBytes()) return true;
    const record = this.decode();
    const header = parseVerdictHeader(record);
    if (header === undefined) {
      this.attempt = -1;
      return false;
    }
    const { id, fingerprint } = header;
    const event = sliceEvent(record, header);
    this.text = { id, fingerprint, event };
    this.attempt = header.attempt;
    this.eventBytes = event.length * 3;
    return true;
  }

  decode(): LogRecord {
    return this.#layout.decode(this);
  }

  get id(): string {
    return this.text?.id ?? this.bytes.toString("latin1", this.idStart, this.idEnd);
  }

  /**
   * {@link xxHash32} of the id's bytes. The last one is kept: who looks for duplicates asks for it, and
   * so does the store. Only for a record without `text`.
   */
  idHash(seed: number): number {
    if (this.#hashSeed !== seed) {
      this.#hashSeed = seed;
      this.#hash = xxHash32(this.bytes, this.idStart, this.idEnd, seed);
    }
    return this.#hash;
  }

  get fingerprint(): string {
    return (
      this.text?.fingerprint ??
      this.bytes.toString("latin1", this.fingerprintStart, this.fingerprintEnd)
    );
  }

  get event(): string {
    if (this.text !== undefined) return this.text.event;
    const { bytes } = this;
    const head = bytes.toString("utf8", this.#valueStart, this.#headEnd);
    return `${head},${bytes.toString("utf8", this.#bodyStart, this.#valueEnd - 1)}`;
  }

  /** Writes the event's text. @returns where it ends; there have to be `eventBytes` */
  copyEvent(target: Buffer, at: number): number {
    if (this.text !== undefined) return at + target.write(this.text.event, at, "utf8");
    return this.#copy(target, at, this.#valueStart);
  }

  /**
   * Writes what follows the id in the event's text, which begins with `{"id":"<id>"`. Only for a
   * record without `text`.
   */
  copyEventRest(target: Buffer, at: number): number {
    return this.#copy(
      target,
      at,
      this.#valueStart + ID_START.length + this.idEnd - this.idStart + 1,
    );
  }

  #copy(target: Buffer, at: number, from: number): number {
    const { bytes } = this;
    let end = at + bytes.copy(target, at, from, this.#headEnd);
    target[end++] = COMMA;
    return end + bytes.copy(target, end, this.#bodyStart, this.#valueEnd - 1);
  }

  /** @returns false for whatever is not plain: the text decides then */
  #readBytes(): boolean {
    const { bytes } = this;
    const stop = this.#headerEnd;
    let at = this.#headerStart;
    if (stop - at > HEADER_BYTES_MAX || bytes[at] !== ZERO + 1 || bytes[at + 1] !== SPACE)
      return false;
    at += 2;
    const attemptEnd = digitsEnd(bytes, at, stop);
    if (bytes[attemptEnd] !== SPACE) return false;
    const attempt = numberAt(bytes, at, attemptEnd);
    const fingerprintStart = attemptEnd + 1;
    const fingerprintEnd = tokenEnd(bytes, fingerprintStart, stop);
    if (bytes[fingerprintEnd] !== SPACE) return false;
    const idStart = fingerprintEnd + 1;
    const idEnd = tokenEnd(bytes, idStart, stop);
    if (bytes[idEnd] !== SPACE) return false;
    const headAt = idEnd + 1;
    const headStop = digitsEnd(bytes, headAt, stop);
    if (bytes[headStop] !== SPACE || headStop >= stop) return false;
    const bodyAt = headStop + 1;
    if (digitsEnd(bytes, bodyAt, stop) !== stop) return false;
    const head = numberAt(bytes, headAt, headStop);
    const body = numberAt(bytes, bodyAt, stop);
    if (attempt < 0 || head < 0 || body < 0) return false;
    if (fingerprintEnd === fingerprintStart || idEnd === idStart) return false;

    const from = this.#valueStart;
    const valueEnd = this.#valueEnd;
    const idBytes = idEnd - idStart;
    const bodyStart = from + body;
    // A head that ends within the id is not one of ours.
    if (head < ID_START.length + idBytes + 1 || head >= body) return false;
    if (bodyStart + BODY_START.length + 2 > valueEnd) return false;
    if (bytes[valueEnd - 1] !== CLOSE || bytes[valueEnd - 2] !== CLOSE) return false;
    if (!isAt(bytes, from, ID_START) || !isAt(bytes, bodyStart, BODY_START)) return false;
    let place = from + ID_START.length;
    for (let i = idStart; i < idEnd; i++, place++) if (bytes[place] !== bytes[i]) return false;
    if (!isAt(bytes, place, AFTER_ID)) return false;
    // The header's numbers count UTF-16 units: they are bytes where everything before is ASCII.
    let seen = 0;
    for (place += AFTER_ID.length; place < bodyStart; place++) seen |= bytes[place] as number;
    if (seen > 127) return false;

    this.attempt = attempt;
    this.fingerprintStart = fingerprintStart;
    this.fingerprintEnd = fingerprintEnd;
    this.idStart = idStart;
    this.idEnd = idEnd;
    this.#headEnd = from + head;
    this.#bodyStart = bodyStart;
    this.eventBytes = head + 1 + valueEnd - 1 - bodyStart;
    return true;
  }
}

function isAt(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}

/** End of a run of printable ASCII without space, quote and backslash. */
function tokenEnd(bytes: Buffer, from: number, stop: number): number {
  let at = from;
  for (; at < stop; at++) {
    const byte = bytes[at] as number;
    if (byte <= SPACE || byte > 126 || byte === QUOTE || byte === BACKSLASH) break;
  }
  return at;
}

function digitsEnd(bytes: Buffer, from: number, stop: number): number {
  let at = from;
  while (at < stop && (bytes[at] as number) - ZERO >= 0 && (bytes[at] as number) - ZERO <= 9) at++;
  return at;
}

/** A decimal number of 1 to 7 digits, or −1. */
function numberAt(bytes: Buffer, from: number, to: number): number {
  if (to <= from || to - from > DIGITS_MAX) return -1;
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + (bytes[i] as number) - ZERO;
  return number;
}
