import { valueLength } from "../wire/message-record.ts";
import type { LogRecord } from "../wire/record.ts";

/** Framing and the verdict's header. */
const RECORD_REST = 120;

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

/**
 * What a record counts for in batches and queues: its UTF-16 units and a guess of the rest. Counting
 * bytes of UTF-8 costs as much as writing them; a batch that is too large after all is divided.
 */
export function recordSize(record: LogRecord): number {
  return record.key.length + valueLength(record) + RECORD_REST;
}
