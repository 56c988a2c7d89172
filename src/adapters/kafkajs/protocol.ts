import type { KafkaJSProtocolError } from "kafkajs";
import Decoder from "kafkajs/src/protocol/decoder.js";
import Encoder from "kafkajs/src/protocol/encoder.js";
import errors from "kafkajs/src/protocol/error.js";

/** Kafka's name of an error code. */
const NAMES = new Map(errors.errorCodes.map(({ code, type }) => [code, type]));
/** Codes that are younger than the library. */
const YOUNGER: readonly (readonly [number, string])[] = [
  [89, "THROTTLING_QUOTA_EXCEEDED"],
  [90, "PRODUCER_FENCED"],
  [100, "UNKNOWN_TOPIC_ID"],
];
for (const [code, name] of YOUNGER) NAMES.set(code, name);

/** An answer of a broker that says no. */
export class ProtocolError extends Error {
  /** As `org.apache.kafka.common.protocol.Errors` names it. */
  readonly type: string;

  constructor(code: number, about: string) {
    const type = NAMES.get(code) ?? `ERROR_${code}`;
    super(`${about}: ${type}`);
    this.name = "ProtocolError";
    this.type = type;
  }
}

/** Kafka's name of the error in a broker's answer, "" for any other error. */
export function errorType(error: unknown): string {
  return error instanceof Error ? String((error as Partial<KafkaJSProtocolError>).type ?? "") : "";
}

/** The name of a code, "" when it says that all is well. */
export function codeName(code: number): string {
  return code === 0 ? "" : (NAMES.get(code) ?? `ERROR_${code}`);
}

/** @throws ProtocolError unless the code says that all is well */
export function assertOk(code: number, about: string): void {
  if (code !== 0) throw new ProtocolError(code, about);
}

export async function encode(write: (encoder: Encoder) => void): Promise<Encoder> {
  const encoder = new Encoder();
  write(encoder);
  return encoder;
}

export function decoderOf(payload: Buffer): Decoder {
  return new Decoder(payload);
}

/** An array as flexible versions have it (KIP-482): its length is one more. */
export function readCompactArray<T>(decoder: Decoder, read: (decoder: Decoder) => T): T[] {
  const length = decoder.readUVarInt() - 1;
  const items: T[] = [];
  for (let i = 0; i < length; i++) items.push(read(decoder));
  return items;
}

export function readArray<T>(decoder: Decoder, read: (decoder: Decoder) => T): T[] {
  const length = decoder.readInt32();
  const items: T[] = [];
  for (let i = 0; i < length; i++) items.push(read(decoder));
  return items;
}

/** Tagged fields are additions that may be left out. */
export function skipTags(decoder: Decoder): void {
  for (let left = decoder.readUVarInt(); left > 0; left--) {
    decoder.readUVarInt();
    decoder.forward(decoder.readUVarInt());
  }
}
