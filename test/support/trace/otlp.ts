/**
 * A reader of OTLP's protobuf (opentelemetry-proto: trace_service.proto, trace.proto, common.proto) that
 * takes nothing for granted: what it does not know, or finds twice where there is one, is an error.
 */

export interface OtlpAttribute {
  readonly key: string;
  /** As it is called in `AnyValue`; integers as text, as they have more digits than a number. */
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

export interface OtlpLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
}

export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  readonly attributes: readonly OtlpAttribute[];
  readonly links: readonly OtlpLink[];
  readonly status: { readonly code: number; readonly message: string };
  readonly flags: number;
}

export interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

/** @throws TypeError when it is no `ExportTraceServiceRequest` of traces as a tracer makes them */
export function readOtlp(body: Uint8Array): OtlpRequest {
  const request = new Message(body);
  const resourceSpans = request.messages(1).map((message) => {
    const resource = message.message(1);
    const scopeSpans = message.messages(2).map((spans) => {
      const scope = spans.message(1);
      const read = { scope: { name: scope.text(1) }, spans: spans.messages(2).map(spanOf) };
      scope.done();
      spans.done();
      return read;
    });
    const read = { resource: { attributes: attributesOf(resource, 1) }, scopeSpans };
    resource.none(2);
    resource.done();
    message.done();
    return read;
  });
  request.done();
  return { resourceSpans };
}

function spanOf(message: Message): OtlpSpan {
  const status = message.message(15);
  const span: OtlpSpan = {
    traceId: message.hex(1),
    spanId: message.hex(2),
    parentSpanId: message.hex(4),
    name: message.text(5),
    kind: Number(message.varint(6)),
    startTimeUnixNano: message.fixed(7, 64),
    endTimeUnixNano: message.fixed(8, 64),
    attributes: attributesOf(message, 9),
    links: message.messages(13).map((link) => {
      const read = { traceId: link.hex(1), spanId: link.hex(2), flags: Number(link.fixed(6, 32)) };
      link.none(5);
      link.done();
      return read;
    }),
    status: { message: status.text(2), code: Number(status.varint(3)) },
    flags: Number(message.fixed(16, 32)),
  };
  for (const dropped of [10, 12, 14]) message.none(dropped);
  status.done();
  message.done();
  return span;
}

function attributesOf(message: Message, field: number): OtlpAttribute[] {
  return message.messages(field).map((pair) => {
    const value = pair.message(2);
    const read = { key: pair.text(1), value: valueOf(value) };
    value.done();
    pair.done();
    return read;
  });
}

/** An empty text, `false` and 0 are told, unlike in other fields. */
function valueOf(value: Message): OtlpAttribute["value"] {
  if (value.has(1)) return { stringValue: value.text(1) };
  if (value.has(2)) return { boolValue: value.varint(2) === 1n };
  if (value.has(3)) return { intValue: String(BigInt.asIntN(64, value.varint(3))) };
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, value.fixed(4, 64));
  return { doubleValue: view.getFloat64(0) };
}

type Value = bigint | Uint8Array;
const FIXED_BITS: Readonly<Record<number, 32 | 64>> = { 1: 64, 5: 32 };
const VARINT = 0;
const BYTES = 2;

/** One message's fields by their numbers; each is taken out once, and then none must be left. */
class Message {
  readonly #bytes: Uint8Array;
  readonly #fields = new Map<number, { readonly wire: number; readonly value: Value }[]>();
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    while (this.#at < bytes.length) {
      const tag = Number(this.#varint());
      const wire = tag & 7;
      const values = this.#fields.get(tag >>> 3) ?? [];
      values.push({ wire, value: this.#value(wire) });
      this.#fields.set(tag >>> 3, values);
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  message(field: number): Message {
    return new Message((this.#one(field, BYTES) as Uint8Array | undefined) ?? new Uint8Array(0));
  }

  messages(field: number): Message[] {
    return this.#all(field, BYTES).map((value) => new Message(value as Uint8Array));
  }

  text(field: number): string {
    const bytes = this.#one(field, BYTES) as Uint8Array | undefined;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  }

  hex(field: number): string {
    return ((this.#one(field, BYTES) as Uint8Array | undefined) ?? new Uint8Array(0)).toHex();
  }

  varint(field: number): bigint {
    return (this.#one(field, VARINT) as bigint | undefined) ?? 0n;
  }

  fixed(field: number, bits: 32 | 64): bigint {
    return (this.#one(field, bits === 64 ? 1 : 5) as bigint | undefined) ?? 0n;
  }

  /** A count that is 0 or absent. */
  none(field: number): void {
    if (this.varint(field) !== 0n) throw new TypeError(`field ${field} is not 0`);
  }

  done(): void {
    if (this.#fields.size > 0)
      throw new TypeError(`has fields that are not known: ${[...this.#fields.keys()].join(", ")}`);
  }

  #all(field: number, wire: number): Value[] {
    const found = this.#fields.get(field) ?? [];
    this.#fields.delete(field);
    if (found.some((one) => one.wire !== wire))
      throw new TypeError(`field ${field} is of another type than ${wire}`);
    return found.map(({ value }) => value);
  }

  #one(field: number, wire: number): Value | undefined {
    const found = this.#all(field, wire);
    if (found.length > 1) throw new TypeError(`field ${field} comes ${found.length} times`);
    return found[0];
  }

  #value(wire: number): Value {
    if (wire === VARINT) return this.#varint();
    if (wire === BYTES) return this.#take(Number(this.#varint()));
    const bits = FIXED_BITS[wire];
    if (bits === undefined) throw new TypeError(`type ${wire} is none that is in use`);
    return BigInt(
      `0x${this.#take(bits / 8)
        .toReversed()
        .toHex()}`,
    );
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = this.#take(1) as unknown as [number];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte > 0x7f) continue;
      if (byte === 0 && shift > 0n) throw new TypeError("a number is longer than it has to be");
      return BigInt.asUintN(64, value);
    }
    throw new TypeError("a number has no end");
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new TypeError("it ends within a field");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
