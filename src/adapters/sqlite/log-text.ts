import { writeLatin1 } from "../../wire/latin1.ts";
import { MessageRecord } from "../../wire/message-record.ts";
import { VERDICT_HEADER_BYTES } from "../../wire/packed-record.ts";
import { TRACEPARENT, type LogRecord } from "../../wire/record.ts";
import type { TextBytes } from "./text-bytes.ts";

/**
 * Records as one text: `key TAB headers TAB value LF` each. Values may hold tabs, since only the
 * first two of a line count; headers are name and value by turns, joined by U+001F.
 */
const UNIT = "\x1f";
const TAB = 9;
const LINE_FEED = 10;
const HEADER_LEAD = Buffer.from(`\t${VERDICT_HEADER_BYTES.toString()}${UNIT}`);
/** Of a second header, in front of what it has. */
const TRACE_LEAD = Buffer.from(`${UNIT}${TRACEPARENT}${UNIT}`);
/** What stands between the parts of a message's record and behind them. */
const MESSAGE_CHARS = HEADER_LEAD.length + 2;
const FORBIDDEN_IN_KEY = /[\t\n]/;
const FORBIDDEN_IN_HEADER = new RegExp(`[\t\n${UNIT}]`);

/** Records that were checked and are still to be written. */
export interface CheckedRecords {
  readonly records: readonly LogRecord[];
  /** Of each record: what comes before its value. */
  readonly heads: readonly string[];
  /** Of the whole text. */
  readonly chars: number;
}

/** @throws TypeError when a record breaks its contract: a break in a value, a control in a name */
export function checkRecords(records: readonly LogRecord[]): CheckedRecords {
  const heads: string[] = [];
  let chars = 0;
  // Records may share their headers, and mostly do their keys.
  let headers: LogRecord["headers"] | undefined;
  let headerText = "";
  let key: string | undefined;
  for (const record of records) {
    if (record.key !== key) {
      key = record.key;
      if (FORBIDDEN_IN_KEY.test(key)) throw new TypeError("a record's key has a tab or break");
    }
    if (record instanceof MessageRecord) {
      if (!record.isOneLine) throw new TypeError("a record's value has a line break");
      heads.push("");
      chars += key.length + record.headerBytes + record.valueLength + MESSAGE_CHARS;
      if (record.traceparent !== undefined) chars += traceBytes(record.traceparent);
      continue;
    }
    // Also puts the value together, which is done once then for all who read it.
    if (record.value.includes("\n")) throw new TypeError("a record's value has a line break");
    if (record.headers !== headers) {
      headers = record.headers;
      headerText = encodeHeaders(headers);
    }
    const head = `${key}\t${headerText}\t`;
    heads.push(head);
    chars += head.length + record.value.length + 1;
  }
  return { records, heads, chars };
}

/**
 * Writes the text as bytes, record by record. Rejected: one text of all of them, which is put together
 * from its thousands of parts in memory of its own and then copied once more.
 */
export function writeRecords({ records, heads }: CheckedRecords, bytes: TextBytes): void {
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as LogRecord;
    if (record instanceof MessageRecord) {
      writeMessage(record, bytes);
      continue;
    }
    bytes.add(heads[i] as string);
    bytes.add(record.value);
    bytes.addByte(LINE_FEED);
  }
}

function writeMessage(record: MessageRecord, bytes: TextBytes): void {
  const { keyBytes, headerBytes, valueBytes, traceparent } = record;
  const more = traceparent === undefined ? 0 : traceBytes(traceparent);
  const target = bytes.room(keyBytes + headerBytes + valueBytes + MESSAGE_CHARS + more);
  let at = record.writeKey(target, bytes.length);
  target.set(HEADER_LEAD, at);
  at = record.writeHeader(target, at + HEADER_LEAD.length);
  if (traceparent !== undefined) {
    target.set(TRACE_LEAD, at);
    at += TRACE_LEAD.length;
    at = writeLatin1(traceparent, target, at);
  }
  target[at++] = TAB;
  at = record.writeValue(target, at);
  target[at++] = LINE_FEED;
  bytes.endAt(at);
}

/** Also its characters, since all of them are ASCII. */
function traceBytes(traceparent: string): number {
  return TRACE_LEAD.length + traceparent.length;
}

function encodeHeaders(headers: LogRecord["headers"]): string {
  let text = "";
  for (const name in headers) {
    const value = headers[name] ?? "";
    if (FORBIDDEN_IN_HEADER.test(value) || FORBIDDEN_IN_HEADER.test(name))
      throw new TypeError(`the record's header ${JSON.stringify(name)} has a control character`);
    text += text === "" ? `${name}${UNIT}${value}` : `${UNIT}${name}${UNIT}${value}`;
  }
  return text;
}

/**
 * Adds the text's records to `into`, at most until it has `recordsMax`, leaving out the first `skip`.
 *
 * @returns how many records were left out or added
 */
export function decodeRecords(
  text: string,
  skip: number,
  recordsMax: number,
  into: LogRecord[],
): number {
  let at = 0;
  let seen = 0;
  while (at < text.length && into.length < recordsMax) {
    const end = text.indexOf("\n", at);
    if (seen >= skip) into.push(decodeRecord(text, at, end));
    seen++;
    at = end + 1;
  }
  return seen;
}

function decodeRecord(text: string, at: number, end: number): LogRecord {
  const first = text.indexOf("\t", at);
  const second = text.indexOf("\t", first + 1);
  return {
    key: text.slice(at, first),
    headers: decodeHeaders(text.slice(first + 1, second)),
    value: text.slice(second + 1, end),
  };
}

function decodeHeaders(text: string): Record<string, string> {
  // No prototype: a header may be called anything.
  const headers = Object.create(null) as Record<string, string>;
  if (text === "") return headers;
  const parts = text.split(UNIT);
  for (let i = 0; i + 1 < parts.length; i += 2)
    headers[parts[i] as string] = parts[i + 1] as string;
  return headers;
}
