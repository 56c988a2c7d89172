import { BODY_BYTES, BODY_HEAD, BODY_NUMBER_AT, isBody } from "./body.ts";
import { SEND_ID_BASE } from "./command.ts";
import { readDecimal, readHex32 } from "./digits.ts";
import { KEY_BYTES, keyNumber, ROOM_DIGITS, type RunNames } from "./key.ts";

/** What a {@link LineScanner} finds in the server's lines. */
export interface LineSink {
  /** The receipt of message `number`; `isRight`: its message id carries that message's key. */
  receipt(number: number, isRight: boolean): void;
  /** An event of this run; `isRight`: id, key, sender's name and content are that message's. */
  event(room: number, seq: number, number: number, sender: number, isRight: boolean): void;
  /** The text of a few of the receipts, after {@link receipt}. */
  sample(text: string): void;
  /** Any other line, and those that are not laid out as expected. */
  other(text: string): void;
}

export const USER_PREFIX = "load-user-";
export const USER_DIGITS = 7;
const SCOPE_BYTES = 16;
const NEWLINE = 10;
const SAMPLE_MASK = 4095;
const QUOTE = 34;
const BRACE = 123;
const CONVERSATION_C = 99;
/** In one of sixteen events all is compared that is not compared in every one. */
const CONSTANTS_MASK = 15;
const DIGIT_0 = 48;

/** The name of user `number`. */
export function userName(number: number): string {
  return USER_PREFIX + String(number).padStart(USER_DIGITS, "0");
}

// One event as the server writes it, its variable parts left out: where each part starts.
const AFTER_ROOM = '","seq":';
const AFTER_SEQ = ',"event":{"id":"';
const AFTER_ID = '","type":"message.sent","timestamp":';
const TIMESTAMP_BYTES = 13;
const AFTER_TIMESTAMP = ',"key":"';
const AFTER_KEY = '","sender":"';
const AFTER_SENDER = '","kind":"text","content":';
const END = "}}}";
const ID_AT = AFTER_SEQ.length;
const TIMESTAMP_AT = ID_AT + KEY_BYTES + 1 + SCOPE_BYTES + AFTER_ID.length;
const KEY_AT = TIMESTAMP_AT + TIMESTAMP_BYTES + AFTER_TIMESTAMP.length;
const SENDER_AT = KEY_AT + KEY_BYTES + AFTER_KEY.length + USER_PREFIX.length;
const BODY_AT = SENDER_AT + USER_DIGITS + AFTER_SENDER.length;
const END_AT = BODY_AT + BODY_BYTES + END.length;

const RECEIPT_KEY_AT = `{"id":${SEND_ID_BASE},"send":{"message":"`.length;
const RECEIPT_TAIL_AT = RECEIPT_KEY_AT + KEY_BYTES + 1 + SCOPE_BYTES;

/**
 * Reads receipts and events in place, without parsing JSON: at every message's rate that would cost
 * more than the server. A line that differs in the least goes to `other`, which may take its time.
 */
export class LineScanner {
  readonly #roomAt: number;
  readonly #seqAt: number;
  readonly #head: Buffer;
  readonly #afterRoom: Buffer;
  /** Bytes of constant text around the variable parts, to be compared as a whole. */
  readonly #between: readonly (readonly [number, Buffer])[];

  constructor(names: RunNames) {
    const head = `{"push":{"conversation":"${names.roomPrefix}`;
    this.#head = Buffer.from(head);
    this.#roomAt = head.length;
    this.#afterRoom = Buffer.from(AFTER_ROOM);
    this.#seqAt = head.length + ROOM_DIGITS + AFTER_ROOM.length;
    this.#between = [
      [0, Buffer.from(AFTER_SEQ)],
      [ID_AT + KEY_BYTES, Buffer.from(".")],
      [ID_AT + KEY_BYTES + 1 + SCOPE_BYTES, Buffer.from(AFTER_ID)],
      [TIMESTAMP_AT + TIMESTAMP_BYTES, Buffer.from(AFTER_TIMESTAMP)],
      [KEY_AT + KEY_BYTES, Buffer.from(AFTER_KEY + USER_PREFIX)],
      [SENDER_AT + USER_DIGITS, Buffer.from(AFTER_SENDER + BODY_HEAD)],
      [BODY_AT + BODY_BYTES, Buffer.from(END)],
    ];
  }

  /** Takes a frame's payload apart into lines and tells `sink` of each. */
  scan(bytes: Buffer, start: number, end: number, sink: LineSink): void {
    let at = start;
    while (at < end) {
      // `{"push"…` or `{"id"…`
      const third = bytes[at + 2];
      let next = -1;
      if (third === 112) next = this.#event(bytes, at, end, sink);
      else if (third === 105) next = this.#receipt(bytes, at, end, sink);
      if (next < 0) {
        const found = bytes.indexOf(NEWLINE, at);
        next = found < 0 || found > end ? end : found;
        sink.other(bytes.toString("utf8", at, next));
      }
      at = next + 1;
    }
  }

  /** @returns where the line ends, or −1 when it is not laid out as expected */
  #event(bytes: Buffer, at: number, end: number, sink: LineSink): number {
    if (bytes[at + 10] !== CONVERSATION_C || !endsWith(bytes, at + this.#roomAt, this.#head))
      return -1;
    const room = readDecimal(bytes, at + this.#roomAt, ROOM_DIGITS);
    let next = at + this.#seqAt;
    let seq = 0;
    for (;;) {
      const digit = (bytes[next] as number) - DIGIT_0;
      if (!(digit >= 0 && digit <= 9)) break;
      seq = seq * 10 + digit;
      next++;
    }
    const lineEnd = next + END_AT;
    if (room < 0 || lineEnd > end || (lineEnd < end && bytes[lineEnd] !== NEWLINE)) return -1;
    const number = keyNumber(bytes, next + ID_AT);
    if (bytes[next + KEY_AT - 1] !== QUOTE || bytes[next + BODY_AT] !== BRACE) return -1;
    if ((number & CONSTANTS_MASK) === 0 && !this.#hasConstants(bytes, at, next)) return -1;
    const sender = readDecimal(bytes, next + SENDER_AT, USER_DIGITS);
    if (number < 0 || sender < 0) return -1;
    const isRight =
      keyNumber(bytes, next + KEY_AT) === number &&
      readHex32(bytes, next + BODY_AT + BODY_NUMBER_AT) === number &&
      isBody(bytes, next + BODY_AT, number);
    sink.event(room, seq, number, sender, isRight);
    return lineEnd;
  }

  /** @param next where the digits of the seq end */
  #hasConstants(bytes: Buffer, at: number, next: number): boolean {
    const key = bytes.subarray(next + KEY_AT, next + KEY_AT + KEY_BYTES);
    return (
      same(bytes, at, this.#head) &&
      same(bytes, at + this.#roomAt + ROOM_DIGITS, this.#afterRoom) &&
      same(bytes, next + ID_AT, key) &&
      this.#between.every(([offset, text]) => same(bytes, next + offset, text))
    );
  }

  #receipt(bytes: Buffer, at: number, end: number, sink: LineSink): number {
    const id = readDecimal(bytes, at + 6, 10);
    const isSend = bytes[at + 16] === 44 && bytes[at + 18] === 115 && bytes[at + 22] === QUOTE;
    if (id < SEND_ID_BASE || !isSend || at + RECEIPT_TAIL_AT > end) return -1;
    const number = id - SEND_ID_BASE;
    let next = at + RECEIPT_TAIL_AT;
    if (bytes[next] !== QUOTE) return -1;
    while (next < end && bytes[next] !== NEWLINE) next++;
    sink.receipt(number, keyNumber(bytes, at + RECEIPT_KEY_AT) === number);
    if ((number & SAMPLE_MASK) === 0) sink.sample(bytes.toString("utf8", at, next));
    return next;
  }
}

/** Whether the run's own eight characters stand before `at`, as in every conversation of the run. */
function endsWith(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  const back = text.length - 8;
  for (let i = 0; i < 8; i++) if (bytes[at - 8 + i] !== text[back + i]) return false;
  return true;
}

function same(bytes: Uint8Array, at: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}
