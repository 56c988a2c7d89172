import type { SpanAttributes, SpanKind, SpanLink, SpanRecord } from "../../ports/tracer.ts";
import { attributeField, attributeFields, concat, field, tag, varint, WIRE } from "./protobuf.ts";

/** As OTLP counts them (`SPAN_KIND_INTERNAL` is 1), each with what is known of its names. */
const KINDS: Readonly<
  Record<SpanKind, { readonly number: number; readonly names: Map<string, Uint8Array> }>
> = {
  internal: { number: 1, names: new Map() },
  server: { number: 2, names: new Map() },
  client: { number: 3, names: new Map() },
  producer: { number: 4, names: new Map() },
  consumer: { number: 5, names: new Map() },
};
/** Sampled, and known not to come from another process: that is not ours to say of a parent. */
const FLAGS = Uint8Array.of(0x01, 0x01, 0, 0);
const STATUS_ERROR = 2;
/** Names of spans, and of attributes: the conventions want few of them. */
const NAMES_MAX = 1_000;
const TRACE_BYTES = 16;
const SPAN_BYTES = 8;
const TIME_BYTES = 8;
const NOTHING = new Uint8Array(0);

/** Tag and two bytes of length: what nearly all spans take. */
const START_BYTES = 3;
const SHORT_SPAN_BYTES = 2 ** 14 - 1;
/** Of a message whose length is one byte. */
const SHORT_BYTES = 2 ** 7 - 1;
/** Of a span without name, kind and attributes: tags, lengths, three ids and two times. */
const FIXED_BYTES = START_BYTES + 4 * 2 + TRACE_BYTES + 2 * SPAN_BYTES + 2 * (1 + TIME_BYTES);
/** UTF-8 for a unit of UTF-16. */
const UNIT_BYTES_MAX = 3;
const VARINT_BYTES_MAX = 10;

/**
 * Spans as fields of OTLP's `ScopeSpans` (opentelemetry-proto, trace.proto), without the fields that
 * are empty. They are put together by hand, out of pieces that are as long as can be: the library makes
 * an object of each span, and walks through each name and value twice, unit by unit.
 */
export class SpanWriter {
  #bytes: Buffer;
  #view: DataView;
  #at: number;

  /**
   * @param bytes what to write to; where there is no room left, to a copy of twice its length
   * @param at where to begin
   */
  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#at = at;
  }

  /** Everything until {@link end} is written. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get end(): number {
    return this.#at;
  }

  write(span: SpanRecord): void {
    const { parentSpanId, startedAt, endedAt, attributes, shared, links, error } = span;
    const named = nameBytes(span.kind, span.name);
    const common = shared === undefined ? NOTHING : sharedBytes(shared);
    this.#room(FIXED_BYTES + named.length + common.length);
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start + START_BYTES;
    bytes[at] = 0x0a; // trace_id
    bytes[at + 1] = TRACE_BYTES;
    at = writeId(bytes, at + 2, span.traceId, TRACE_BYTES);
    bytes[at] = 0x12; // span_id
    bytes[at + 1] = SPAN_BYTES;
    at = writeId(bytes, at + 2, span.spanId, SPAN_BYTES);
    if (parentSpanId !== undefined) {
      bytes[at] = 0x22; // parent_span_id
      bytes[at + 1] = SPAN_BYTES;
      at = writeId(bytes, at + 2, parentSpanId, SPAN_BYTES);
    }
    bytes[at] = 0x39; // start_time_unix_nano
    writeTime(this.#view, at + 1, startedAt);
    at += 1 + TIME_BYTES;
    bytes[at] = 0x41; // end_time_unix_nano
    writeTime(this.#view, at + 1, endedAt > startedAt ? endedAt : startedAt);
    at += 1 + TIME_BYTES;
    bytes.set(named, at);
    at += named.length;
    bytes.set(common, at);
    this.#at = at + common.length;
    for (const name in attributes) this.#attribute(name, attributes[name]);
    if (links !== undefined) this.#links(links);
    if (error !== undefined) this.#copy(statusBytes(error));
    this.#begin(start);
  }

  /** What comes in front of a span, now that its length is known. */
  #begin(start: number): void {
    const length = this.#at - start - START_BYTES;
    if (length <= SHORT_BYTES || length > SHORT_SPAN_BYTES) {
      const span = field(2, this.#bytes.subarray(start + START_BYTES, this.#at));
      this.#at = start;
      this.#copy(span);
      return;
    }
    const bytes = this.#bytes;
    bytes[start] = 0x12; // spans
    bytes[start + 1] = (length & 0x7f) | 0x80;
    bytes[start + 2] = length >>> 7;
  }

  #attribute(name: string, value: unknown): void {
    const { text, int } = startsOf(name);
    if (typeof value === "string") this.#text(name, text, value);
    else if (
      typeof value === "number" &&
      value >= 0 &&
      value <= 0x7fff_ffff &&
      Number.isInteger(value)
    )
      this.#int(name, int, value);
    else if (typeof value === "number" || typeof value === "boolean")
      this.#copy(attributeField(9, name, value));
  }

  #text(name: string, start: Uint8Array, value: string): void {
    this.#room(start.length + UNIT_BYTES_MAX * value.length);
    const bytes = this.#bytes;
    const from = this.#at;
    const at = from + start.length;
    const length = at - from - 2 + value.length;
    if (length <= SHORT_BYTES) {
      const written = bytes.write(value, at);
      if (written === value.length) {
        bytes.set(start, from);
        bytes[from + 1] = length;
        bytes[at - 3] = 2 + written;
        bytes[at - 1] = written;
        this.#at = at + written;
        return;
      }
    }
    this.#copy(attributeField(9, name, value));
  }

  #int(name: string, start: Uint8Array, value: number): void {
    this.#room(start.length + VARINT_BYTES_MAX);
    const bytes = this.#bytes;
    const from = this.#at;
    const begun = from + start.length;
    let at = begun;
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    const length = at - from - 2;
    if (length > SHORT_BYTES) return this.#copy(attributeField(9, name, value));
    bytes.set(start, from);
    bytes[from + 1] = length;
    bytes[begun - 2] = 1 + at - begun;
    this.#at = at;
  }

  #links(links: readonly SpanLink[]): void {
    this.#room(links.length * LINK.length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (const { traceId, spanId } of links) {
      bytes.set(LINK, at);
      writeId(bytes, at + LINK_TRACE_AT, traceId, TRACE_BYTES);
      writeId(bytes, at + LINK_SPAN_AT, spanId, SPAN_BYTES);
      at += LINK.length;
    }
    this.#at = at;
  }

  #copy(piece: Uint8Array): void {
    this.#room(piece.length);
    this.#bytes.set(piece, this.#at);
    this.#at += piece.length;
  }

  #room(length: number): void {
    const end = this.#at + length;
    if (end <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, end));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** What comes before an attribute's value, with its lengths left open, for values of each kind. */
interface Starts {
  readonly text: Uint8Array;
  readonly int: Uint8Array;
}

const starts = new Map<string, Starts>();

function startsOf(name: string): Starts {
  let known = starts.get(name);
  if (known === undefined) {
    if (starts.size === NAMES_MAX) starts.clear();
    // attributes { key, value { string_value or int_value
    const start = concat(Uint8Array.of(0x4a, 0), field(1, name), Uint8Array.of(0x12, 0));
    known = {
      text: concat(start, Uint8Array.of(0x0a, 0)),
      int: concat(start, Uint8Array.of(0x18)),
    };
    starts.set(name, known);
  }
  return known;
}

/** Name, kind and flags. */
function nameBytes(kind: SpanKind, name: string): Uint8Array {
  const { names, number } = KINDS[kind];
  let bytes = names.get(name);
  if (bytes === undefined) {
    if (names.size === NAMES_MAX) names.clear();
    bytes = concat(
      field(5, name),
      tag(6, WIRE.varint),
      varint(number),
      tag(16, WIRE.fixed32),
      FLAGS,
    );
    names.set(name, bytes);
  }
  return bytes;
}

const sharedPieces = new WeakMap<SpanAttributes, Uint8Array>();

function sharedBytes(shared: SpanAttributes): Uint8Array {
  let bytes = sharedPieces.get(shared);
  if (bytes === undefined) sharedPieces.set(shared, (bytes = attributeFields(9, shared)));
  return bytes;
}

function statusBytes(error: string): Uint8Array {
  return field(15, concat(field(2, error), tag(3, WIRE.varint), varint(STATUS_ERROR)));
}

const LINK = field(
  13,
  concat(
    field(1, new Uint8Array(TRACE_BYTES)),
    field(2, new Uint8Array(SPAN_BYTES)),
    tag(6, WIRE.fixed32),
    FLAGS,
  ),
);
/** Behind tags and lengths, of the link and of the id. */
const LINK_TRACE_AT = 4;
const LINK_SPAN_AT = LINK_TRACE_AT + TRACE_BYTES + 2;

/** What a hex digit stands for; what is none is as good as 0, so that an id keeps its length. */
const DIGITS = new Uint8Array(128);
for (let i = 0; i < 16; i++) {
  DIGITS[i.toString(16).charCodeAt(0)] = i;
  DIGITS[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/** @returns where it ends */
function writeId(bytes: Uint8Array, at: number, hex: string, length: number): number {
  for (let i = 0; i < length; i++) {
    const high = DIGITS[hex.charCodeAt(2 * i)] as number;
    const low = DIGITS[hex.charCodeAt(2 * i + 1)] as number;
    bytes[at + i] = (high << 4) | low;
  }
  return at + length;
}

const SECOND_NS = 1_000_000_000;
const HALF = 2 ** 32;
let second = -1;
let secondLow = 0;
let secondHigh = 0;

/** Nanoseconds since 1970 of milliseconds: their second is the same for most, the rest a small number. */
function writeTime(view: DataView, at: number, ms: number): void {
  const seconds = Math.floor(ms / 1_000);
  if (seconds !== second) {
    second = seconds;
    const ns = BigInt.asUintN(
      64,
      BigInt(Number.isFinite(seconds) ? seconds : 0) * BigInt(SECOND_NS),
    );
    secondLow = Number(ns & 0xffff_ffffn);
    secondHigh = Number(ns >> 32n);
  }
  const low = secondLow + Math.max(0, Math.floor((ms - seconds * 1_000) * 1e6));
  view.setUint32(at, low >= HALF ? low - HALF : low, true);
  view.setUint32(at + 4, low >= HALF ? secondHigh + 1 : secondHigh, true);
}
