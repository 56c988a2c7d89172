import type { SpanAttributes } from "../../ports/tracer.ts";

/** How a field's bytes are read (protobuf.dev, "Encoding"). */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Bytes of a message, put together where time does not matter: what is hot copies them. */
type Bytes = Uint8Array<ArrayBuffer>;

const INT64_MAX = 2 ** 63;
const encoder = new TextEncoder();

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A number below 2^64 in groups of seven bits, the lowest first; a negative one is 2^64 more. */
export function varint(value: number): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

export function tag(field: number, wire: (typeof WIRE)[keyof typeof WIRE]): Bytes {
  return varint(field * 8 + wire);
}

/** A field of text, bytes or another message. Half of a surrogate pair is told as U+FFFD. */
export function field(number: number, value: string | Uint8Array): Bytes {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return concat(tag(number, WIRE.bytes), varint(bytes.length), bytes);
}

/** A field of a `KeyValue` (opentelemetry-proto, common.proto). */
export function attributeField(
  number: number,
  name: string,
  value: string | number | boolean,
): Bytes {
  return field(number, concat(field(1, name), field(2, anyValue(value))));
}

export function attributeFields(number: number, attributes: SpanAttributes): Bytes {
  return concat(
    ...Object.entries(attributes).map(([name, value]) => attributeField(number, name, value)),
  );
}

/** Whether a number is told as one of `int64`; others are `double`. */
function isInt64(value: number): boolean {
  return Number.isInteger(value) && value >= -INT64_MAX && value < INT64_MAX;
}

function anyValue(value: string | number | boolean): Bytes {
  if (typeof value === "string") return field(1, value);
  if (typeof value === "boolean") return concat(tag(2, WIRE.varint), varint(Number(value)));
  if (isInt64(value)) return concat(tag(3, WIRE.varint), varint(value));
  return concat(tag(4, WIRE.fixed64), new Uint8Array(new Float64Array([value]).buffer));
}
