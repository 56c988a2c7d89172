import type { MessageKind } from "./content.ts";

/**
 * What the log keeps. `value` is one line of JSON (no line breaks); header names and values are
 * printable ASCII.
 */
export interface LogRecord {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
}

/** Name of the record header with a trace's context, and of the HTTP header; both hold the same text. */
export const TRACEPARENT = "traceparent";

/** The header that holds all that a verdict needs. */
const VERDICT_HEADER = "tidegate";

/** The parts of a record that the verdict may depend on; never its content. */
export interface VerdictHeader {
  readonly id: string;
  /** 1 on the first try; 0 when the client did not say; anything but 1 is looked up further back. */
  readonly attempt: number;
  /** Hash of kind and content: equal ids with unequal fingerprints are a conflict. */
  readonly fingerprint: string;
  /** Where in `value` the event's first part ends and its second part begins. */
  readonly headEnd: number;
  readonly bodyStart: number;
}

/** Where the messages of one sender in one conversation come from and go to. */
export interface RecordOrigin {
  readonly tenant: string;
  readonly conversation: string;
  readonly sender: string;
  /** The record's key: the conversation, with the tenant where a topic is shared. */
  readonly key: string;
  /** Name of the gateway. */
  readonly source: string;
}

/** What is the same in all records of one origin, as text. */
export interface RecordTemplate {
  readonly key: string;
  readonly metadata: string;
  readonly payload: string;
  readonly sender: string;
  /** The same in UTF-8, for whoever writes records as bytes; made at the first of them. */
  bytes: TemplateBytes | undefined;
}

export interface TemplateBytes {
  readonly key: Buffer;
  /** Bytes of metadata, and of the payload up to the message's key. */
  readonly restLength: number;
  /** From behind the id to the key, with the timestamp of the last message. */
  middle: Buffer;
  timestamp: number;
  /** From behind the key to the content. */
  readonly senders: Record<MessageKind, Buffer | undefined>;
}

/** What a gateway knows of one message when it builds its record. */
export interface MessageParts {
  readonly key: string;
  readonly id: string;
  readonly attempt: number;
  readonly kind: MessageKind;
  readonly timestamp: number;
  /** JSON text without line breaks. */
  readonly content: string;
  readonly fingerprint: string;
  readonly correlationId?: string;
  readonly traceId?: string;
}

const VERSION = "1";
const HEADER_CHARS_MAX = 200;
/** As many digits as a header's numbers may have. */
const ATTEMPT_MAX = 9_999_999;

export function recordTemplate(origin: RecordOrigin): RecordTemplate {
  const { tenant, conversation, sender, key, source } = origin;
  return {
    key,
    metadata: `,"tenant_id":"${tenant}","version":"${VERSION}","metadata":{"source":${JSON.stringify(source)}`,
    payload: `},"payload":{"conversation_id":${JSON.stringify(conversation)},`,
    sender: `","sender":${JSON.stringify(sender)},"kind":"`,
    bytes: undefined,
  };
}

/**
 * Builds the record of a message once, so that what readers get can be sliced out of it:
 * `{"id","type","timestamp"` ⋯ envelope ⋯ `"payload":{"conversation_id", "key","sender","kind","content"}}`.
 */
export function encodeMessageRecord(template: RecordTemplate, parts: MessageParts): LogRecord {
  const { id, correlationId, traceId } = parts;
  const head = `{"id":"${id}","type":"message.sent","timestamp":${parts.timestamp}`;
  let { metadata } = template;
  if (correlationId !== undefined) metadata += `,"correlation_id":${JSON.stringify(correlationId)}`;
  if (traceId !== undefined) metadata += `,"trace_id":${JSON.stringify(traceId)}`;
  const bodyStart = head.length + metadata.length + template.payload.length;
  return {
    key: template.key,
    headers: {
      [VERDICT_HEADER]: `1 ${parts.attempt} ${parts.fingerprint} ${id} ${head.length} ${bodyStart}`,
    },
    value: `${head}${metadata}${template.payload}"key":"${parts.key}${template.sender}${parts.kind}","content":${parts.content}}}`,
  };
}

/**
 * The parsed header, or undefined when the record is not one of ours or is damaged. Split by hand: a
 * regular expression with its match array costs several times as much, for every record.
 */
export function parseVerdictHeader(record: LogRecord): VerdictHeader | undefined {
  const text = record.headers[VERDICT_HEADER];
  if (text === undefined || text.length > HEADER_CHARS_MAX || !text.startsWith("1 "))
    return undefined;
  const attemptEnd = text.indexOf(" ", 2);
  const fingerprintEnd = text.indexOf(" ", attemptEnd + 1);
  const idEnd = text.indexOf(" ", fingerprintEnd + 1);
  const headSpace = text.indexOf(" ", idEnd + 1);
  // A missing blank makes all later searches start over, so the order shows it.
  if (attemptEnd < 3 || fingerprintEnd <= attemptEnd + 1 || idEnd <= fingerprintEnd + 1)
    return undefined;
  if (headSpace <= idEnd + 1) return undefined;
  const attempt = digits(text, 2, attemptEnd);
  const headEnd = digits(text, idEnd + 1, headSpace);
  const bodyStart = digits(text, headSpace + 1, text.length);
  const { value } = record;
  if (attempt < 0 || headEnd < 0 || bodyStart < 0) return undefined;
  if (headEnd >= bodyStart || bodyStart >= value.length) return undefined;
  const id = text.slice(fingerprintEnd + 1, idEnd);
  const fingerprint = text.slice(attemptEnd + 1, fingerprintEnd);
  // `,"type":` follows the id: with it, the id needs no check of its own characters.
  if (
    !value.startsWith('{"id":"') ||
    !value.startsWith(id, 7) ||
    !value.startsWith('","type":', 7 + id.length)
  )
    return undefined;
  if (!value.startsWith('"key":"', bodyStart) || !value.endsWith("}}")) return undefined;
  return { attempt, fingerprint, id, headEnd, bodyStart };
}

/**
 * The record as a server sends it again, with `attempt` raised to 2 or more, so that its verdict
 * looks for the first one everywhere; all else stays to the byte.
 *
 * @param by how many more tries there were; the number stops at 9,999,999
 * @returns undefined for a record that is not one of ours or is damaged
 */
export function raiseAttempt(record: LogRecord, by = 1): LogRecord | undefined {
  const header = parseVerdictHeader(record);
  if (header === undefined) return undefined;
  const text = record.headers[VERDICT_HEADER] as string;
  const attempt = Math.min(Math.max(header.attempt + by, 2), ATTEMPT_MAX);
  const rest = text.slice(text.indexOf(" ", 2));
  const headers = { ...record.headers, [VERDICT_HEADER]: `1 ${attempt}${rest}` };
  return { key: record.key, headers, value: record.value };
}

/** A decimal number of 1 to 7 digits, or −1. */
function digits(text: string, from: number, to: number): number {
  if (to <= from || to - from > 7) return -1;
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** The event's JSON text as readers get it: two slices of the record's value. */
export function sliceEvent(record: LogRecord, header: VerdictHeader): string {
  const value = record.value;
  return `${value.slice(0, header.headEnd)},${value.slice(header.bodyStart, -1)}`;
}
