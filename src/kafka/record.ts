import type { LogRecord } from "../wire/record.ts";

/** Framing and the verdict's header. */
const RECORD_REST = 120;

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
 * What a record counts for in batches and queues: its UTF-16 units and a guess of the rest. Counting
 * bytes of UTF-8 costs as much as writing them; a batch that is too large after all is divided.
 */
export function recordSize(record: LogRecord): number {
  return record.key.length + record.value.length + RECORD_REST;
}
