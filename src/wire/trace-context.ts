import { MessageRecord } from "./message-record.ts";
import { TRACEPARENT, type LogRecord } from "./record.ts";

/** A span's place in its trace (W3C Trace Context). */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Whether whoever made it exports its spans. */
  readonly sampled: boolean;
}

const VERSION_0 = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
/** A later version may have more fields behind those of version 0. */
const LATER = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const CHARS_MIN = 55;
/** Of a version that is to come; a longer one is not looked at. */
const CHARS_MAX = 200;
const SAMPLED_BIT = 1;

/**
 * Reads a `traceparent` (W3C Trace Context, 3.2.2). What is malformed is as good as absent, so it
 * has no error of its own.
 */
export function parseTraceparent(text: string): TraceContext | undefined {
  if (text.length < CHARS_MIN || text.length > CHARS_MAX) return undefined;
  const match = (text.startsWith("00") ? VERSION_0 : LATER).exec(text);
  if (match === null) return undefined;
  const [, traceId, spanId, flags] = match as unknown as [string, string, string, string];
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED_BIT) !== 0 };
}

export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** The record with the context that its readers go on with. */
export function withTraceContext(record: LogRecord, context: TraceContext): LogRecord {
  const text = formatTraceparent(context);
  if (record instanceof MessageRecord) return record.traced(text);
  const headers = { ...record.headers, [TRACEPARENT]: text };
  return { key: record.key, headers, value: record.value };
}

/** The context that a record carries; undefined for most, which were not sampled. */
export function traceContextOf(record: LogRecord): TraceContext | undefined {
  const text = record instanceof MessageRecord ? record.traceparent : record.headers[TRACEPARENT];
  return text === undefined ? undefined : parseTraceparent(text);
}

/**
 * The context of a message that carries none: made of its id, so that every process that finds it
 * slow or failed, and whoever looks for its trace, names the same one without a word between them.
 */
export function derivedContext(messageId: string): TraceContext {
  for (let i = 0; i < SEEDS.length; i++)
    hashes.setUint32(4 * i, hash(messageId, SEEDS[i] as number));
  const digits = hashBytes.toHex();
  return { traceId: digits.slice(0, 32), spanId: digits.slice(32), sampled: true };
}

/** One for each 32 bits of a trace id and a span id. */
const SEEDS = [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f, 0x165667b1];

const hashBytes = new Uint8Array(4 * SEEDS.length);
const hashes = new DataView(hashBytes.buffer);

/** FNV-1a with murmur3's finalizer; never 0, since ids of zeros alone are not valid. */
function hash(text: string, seed: number): number {
  let h = seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0 || 1;
}
