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

/** The header that holds all that a verdict needs. */
export const VERDICT_HEADER = "tidegate";

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

/** What a gateway knows of a message when it builds its record. */
export interface MessageParts {
  readonly tenant: string;
  readonly conversation: string;
  readonly sender: string;
  readonly key: string;
  readonly id: string;
  readonly attempt: number;
  readonly kind: MessageKind;
  readonly timestamp: number;
  /** JSON text without line breaks. */
  readonly content: string;
  readonly fingerprint: string;
  readonly source: string;
  readonly correlationId?: string;
  readonly traceId?: string;
}

const VERSION = "1";
const HEADER = /^1 ([0-9]{1,7}) ([a-z0-9]{1,16}) ([A-Za-z0-9_.-]{1,120}) ([0-9]{1,5}) ([0-9]{1,7})$/;

/**
 * Builds the record of a message once, so that what readers get can be sliced out of it:
 * `{"id","type","timestamp"` ⋯ envelope ⋯ `"payload":{"conversation_id", "key","sender","kind","content"}}`.
 */
export function encodeMessageRecord(parts: MessageParts): LogRecord {
  const head = `{"id":"${parts.id}","type":"message.sent","timestamp":${parts.timestamp}`;
  let metadata = `"source":${JSON.stringify(parts.source)}`;
  if (parts.correlationId !== undefined)
    metadata += `,"correlation_id":${JSON.stringify(parts.correlationId)}`;
  if (parts.traceId !== undefined) metadata += `,"trace_id":${JSON.stringify(parts.traceId)}`;
  const middle = `,"tenant_id":"${parts.tenant}","version":"${VERSION}","metadata":{${metadata}},"payload":{"conversation_id":${JSON.stringify(parts.conversation)},`;
  const bodyStart = head.length + middle.length;
  return {
    key: parts.conversation,
    headers: {
      [VERDICT_HEADER]: `1 ${parts.attempt} ${parts.fingerprint} ${parts.id} ${head.length} ${bodyStart}`,
    },
    value: `${head}${middle}"key":"${parts.key}","sender":${JSON.stringify(parts.sender)},"kind":"${parts.kind}","content":${parts.content}}}`,
  };
}

/** The parsed header, or undefined when the record is not one of ours or is damaged. */
export function parseVerdictHeader(record: LogRecord): VerdictHeader | undefined {
  const text = record.headers[VERDICT_HEADER];
  if (text === undefined) return undefined;
  const match = HEADER.exec(text);
  if (!match) return undefined;
  const id = match[3] as string;
  const headEnd = Number(match[4]);
  const bodyStart = Number(match[5]);
  const value = record.value;
  if (headEnd >= bodyStart || bodyStart >= value.length) return undefined;
  if (!value.startsWith(`{"id":"${id}",`) || !value.startsWith('"key":"', bodyStart)) return undefined;
  if (!value.endsWith("}}")) return undefined;
  return { attempt: Number(match[1]), fingerprint: match[2] as string, id, headEnd, bodyStart };
}

/** The event's JSON text as readers get it: two slices of the record's value. */
export function sliceEvent(record: LogRecord, header: VerdictHeader): string {
  const value = record.value;
  return `${value.slice(0, header.headEnd)},${value.slice(header.bodyStart, -1)}`;
}
