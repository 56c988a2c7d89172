import { digitsOf, writeNumber } from "./decimal.ts";
import { copyFew } from "./few-bytes.ts";
import { writeLatin1 } from "./latin1.ts";
import {
  encodeMessageRecord,
  type LogRecord,
  type MessageParts,
  parseVerdictHeader,
  type RecordTemplate,
  sliceEvent,
  type TemplateBytes,
  TRACEPARENT,
  type VerdictHeader,
} from "./record.ts";
import { stampOf } from "./stamp.ts";

type Kind = MessageParts["kind"];

const ID_START = Buffer.from('{"id":"');
const TYPE_AND_TIME = '","type":"message.sent","timestamp":';
const BODY_START = '"key":"';
const CONTENT_START = '","content":';
const CLOSE = 125;
const SPACE = 32;
const ZERO = 48;
/** As much as a verdict's header may have: {@link parseVerdictHeader} says what is beyond. */
const HEADER_BYTES_MAX = 200;
const NUMBER_MAX = 9_999_999;

/**
 * The record of {@link encodeMessageRecord} that keeps its parts until somebody wants its text or its
 * bytes. As text it would be put together from a dozen strings, of two bytes a character where only
 * one of them needs it, to be written as bytes once and forgotten: twice the time.
 */
export class MessageRecord implements LogRecord {
  readonly key: string;
  /** UTF-16 units of `value`. */
  readonly valueLength: number;
  /** What its second header has, of that name; undefined: it has the verdict's alone. In ASCII. */
  readonly traceparent: string | undefined;
  readonly #template: RecordTemplate;
  readonly #parts: MessageParts;
  readonly #headLength: number;
  readonly #bodyStart: number;
  readonly #contentBytes: number;
  #text: LogRecord | undefined;

  /** @param parts without correlation and trace ids, whose records are texts */
  constructor(template: RecordTemplate, parts: MessageParts, traceparent?: string) {
    const { id, key, kind, content, timestamp } = parts;
    this.key = template.key;
    this.traceparent = traceparent;
    this.#template = template;
    this.#parts = parts;
    this.#headLength = ID_START.length + id.length + TYPE_AND_TIME.length + digitsOf(timestamp);
    this.#bodyStart = this.#headLength + template.metadata.length + template.payload.length;
    this.#contentBytes = Buffer.byteLength(content);
    this.valueLength =
      this.#bodyStart +
      BODY_START.length +
      key.length +
      template.sender.length +
      kind.length +
      CONTENT_START.length +
      content.length +
      2;
  }

  /** The same with a context for its readers. */
  traced(traceparent: string): MessageRecord {
    return new MessageRecord(this.#template, this.#parts, traceparent);
  }

  get headers(): LogRecord["headers"] {
    return this.#asText().headers;
  }

  get value(): string {
    return this.#asText().value;
  }

  /** As a dead letter keeps it: accessors are not in an object's JSON by themselves. */
  toJSON(): LogRecord {
    return this.#asText();
  }

  /** What {@link parseVerdictHeader} says of it, without making the header's text to take it apart. */
  get verdict(): VerdictHeader | undefined {
    const { attempt, fingerprint, id } = this.#parts;
    const isPlain =
      this.headerBytes <= HEADER_BYTES_MAX &&
      attempt <= NUMBER_MAX &&
      this.#bodyStart <= NUMBER_MAX &&
      isToken(id) &&
      isToken(fingerprint);
    if (!isPlain) return parseVerdictHeader(this.#asText());
    return { attempt, fingerprint, id, headEnd: this.#headLength, bodyStart: this.#bodyStart };
  }

  /** Whether its text is one line, as a record's has to be. */
  get isOneLine(): boolean {
    const { id, key, content } = this.#parts;
    return !content.includes("\n") && !key.includes("\n") && !id.includes("\n");
  }

  /** What {@link sliceEvent} says of it, without what readers do not get. Of a well-formed record. */
  get event(): string {
    const { id, key, kind, content, timestamp } = this.#parts;
    const text = `{"id":"${id}","type":"message.sent","timestamp":${timestamp},"key":"${key}${this.#template.sender}${kind}","content":${content}}`;
    // Asking for a character puts it together: readers and store would each do it again.
    return text.charCodeAt(0) > 0 ? text : "";
  }

  get stamp(): number | undefined {
    const { timestamp } = this.#parts;
    return timestamp > 0 ? timestamp : undefined;
  }

  /** Bytes of the record's key. */
  get keyBytes(): number {
    return templateBytes(this.#template).key.length;
  }

  get valueBytes(): number {
    const { key, kind } = this.#parts;
    return (
      this.#headLength +
      templateBytes(this.#template).restLength +
      key.length +
      senderOf(this.#template, kind).length +
      this.#contentBytes +
      2
    );
  }

  /** Bytes of the verdict header's text. */
  get headerBytes(): number {
    const { attempt, fingerprint, id } = this.#parts;
    return (
      6 +
      digitsOf(attempt) +
      fingerprint.length +
      id.length +
      digitsOf(this.#headLength) +
      digitsOf(this.#bodyStart)
    );
  }

  /** Each `write` needs the room that its count says. @returns where it ends */
  writeKey(target: Buffer, at: number): number {
    return copy(templateBytes(this.#template).key, target, at);
  }

  writeValue(target: Buffer, from: number): number {
    const { id, key, kind, content, timestamp } = this.#parts;
    let at = writeLatin1(id, target, copyFew(ID_START, target, from));
    at = copy(middleOf(this.#template, timestamp), target, at);
    at = writeLatin1(key, target, at);
    at = copy(senderOf(this.#template, kind), target, at);
    const bytes = this.#contentBytes;
    at =
      bytes === content.length
        ? writeLatin1(content, target, at)
        : at + target.write(content, at, bytes, "utf8");
    target[at++] = CLOSE;
    target[at++] = CLOSE;
    return at;
  }

  writeHeader(target: Buffer, from: number): number {
    const { attempt, fingerprint, id } = this.#parts;
    let at = from;
    target[at++] = ZERO + 1;
    target[at++] = SPACE;
    at = writeNumber(attempt, target, at);
    target[at++] = SPACE;
    at = writeLatin1(fingerprint, target, at);
    target[at++] = SPACE;
    at = writeLatin1(id, target, at);
    target[at++] = SPACE;
    at = writeNumber(this.#headLength, target, at);
    target[at++] = SPACE;
    return writeNumber(this.#bodyStart, target, at);
  }

  #asText(): LogRecord {
    if (this.#text !== undefined) return this.#text;
    const text = encodeMessageRecord(this.#template, this.#parts);
    const { traceparent } = this;
    this.#text =
      traceparent === undefined
        ? text
        : { ...text, headers: { ...text.headers, [TRACEPARENT]: traceparent } };
    return this.#text;
  }
}

/** {@link stampOf} of a record's value, which is not made for it. */
export function stampOfRecord(record: LogRecord): number | undefined {
  return record instanceof MessageRecord ? record.stamp : stampOf(record.value);
}

/** UTF-16 units of a record's value, which are known without making it. */
export function valueLength(record: LogRecord): number {
  return record instanceof MessageRecord ? record.valueLength : record.value.length;
}

/** {@link parseVerdictHeader} of a record, however it is kept. */
export function verdictOf(record: LogRecord): VerdictHeader | undefined {
  return record instanceof MessageRecord ? record.verdict : parseVerdictHeader(record);
}

/** {@link sliceEvent} of a record, however it is kept. */
export function eventOf(record: LogRecord, header: VerdictHeader): string {
  return record instanceof MessageRecord ? record.event : sliceEvent(record, header);
}

function isToken(text: string): boolean {
  return text !== "" && !text.includes(" ");
}

function templateBytes(template: RecordTemplate): TemplateBytes {
  return (template.bytes ??= bytesOf(template));
}

function bytesOf({ key, metadata, payload }: RecordTemplate): TemplateBytes {
  return {
    key: Buffer.from(key),
    restLength: Buffer.byteLength(metadata + payload + BODY_START),
    middle: Buffer.alloc(0),
    timestamp: -1,
    senders: { text: undefined, file: undefined, image: undefined, video: undefined },
  };
}

/** What stands between key and content. */
function senderOf(template: RecordTemplate, kind: Kind): Buffer {
  const { senders } = templateBytes(template);
  return (senders[kind] ??= Buffer.from(template.sender + kind + CONTENT_START));
}

/** What stands between id and key. All messages of one frame have the same time. */
function middleOf(template: RecordTemplate, timestamp: number): Buffer {
  const bytes = templateBytes(template);
  if (bytes.timestamp === timestamp) return bytes.middle;
  const { metadata, payload } = template;
  if (bytes.middle.length > 0 && digitsOf(timestamp) === digitsOf(bytes.timestamp))
    writeNumber(timestamp, bytes.middle, TYPE_AND_TIME.length);
  else bytes.middle = Buffer.from(TYPE_AND_TIME + timestamp + metadata + payload + BODY_START);
  bytes.timestamp = timestamp;
  return bytes.middle;
}

function copy(source: Buffer, target: Buffer, at: number): number {
  target.set(source, at);
  return at + source.length;
}
