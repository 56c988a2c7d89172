import type { LogRecord } from "../wire/record.ts";

/** A Kafka record's bytes as a client library gives them. */
export type KafkaBytes = Buffer | null | undefined;

/**
 * A record of ours from Kafka's bytes. Never throws: a foreign record's nulls become empty texts and
 * its bytes that are no UTF-8 become U+FFFD, and the sequencer refuses what lacks our header. Of
 * headers with the same name the last one counts, as in Kafka's own `lastHeader`.
 *
 * @param headers name and value in turn: a flat list, since a pair a header costs an object each
 */
export function recordFromKafka(
  key: KafkaBytes,
  value: KafkaBytes,
  headers: readonly KafkaBytes[],
): LogRecord {
  const named: Record<string, string> = {};
  for (let i = 0; i + 1 < headers.length; i += 2)
    setHeader(named, textOf(headers[i]), textOf(headers[i + 1]));
  return { key: textOf(key), headers: named, value: textOf(value) };
}

/** Sets a header whatever its name is: `__proto__` set plainly would vanish. */
export function setHeader(headers: Record<string, string>, name: string, value: string): void {
  if (name !== "__proto__") headers[name] = value;
  else
    Object.defineProperty(headers, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function textOf(bytes: KafkaBytes): string {
  return bytes === null || bytes === undefined ? "" : bytes.toString("utf8");
}

/**
 * Upper bound of the bytes that a record takes in an uncompressed batch, without counting them: a
 * UTF-16 unit is at most three bytes of UTF-8.
 */
export function recordBytesMax(record: LogRecord): number {
  let units = record.key.length + record.value.length;
  let fixed = 40;
  for (const name in record.headers) {
    units += name.length + (record.headers[name] as string).length;
    fixed += 10;
  }
  return units * 3 + fixed;
}

/** Bytes that a record takes in an uncompressed batch, up to a few of framing too many. */
export function recordBytes(record: LogRecord): number {
  let bytes = 40 + Buffer.byteLength(record.key) + Buffer.byteLength(record.value);
  for (const name in record.headers)
    bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(record.headers[name] as string);
  return bytes;
}
