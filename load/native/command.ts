import { BODIES, BODY_NUMBER_AT, BODY_VARIANTS } from "./body.ts";
import { writeDecimal, writeHex32 } from "./digits.ts";
import { headerBytes, writeTextHeader } from "./frame.ts";
import { type RunNames, writeKeyNumber, writeRoom } from "./key.ts";
import type { MessageWriter } from "./protocol.ts";

const NUMBERS = 4_294_967_296;
/** Ids of `send` commands are this and the message's number, so that all have ten digits. */
export const SEND_ID_BASE = 1_000_000_000;
const ID_DIGITS = 10;
const NEWLINE = 10;

/** Writes frames of `send` commands into one buffer by patching a template. */
export class CommandWriter implements MessageWriter {
  readonly #names: RunNames;
  readonly #templates: readonly Uint8Array[];
  readonly #roomAt: number;
  readonly #keyAt: number;
  readonly #bodyAt: number;
  readonly #lineBytes: number;
  #out = new Uint8Array(64 * 1024);
  #used = 0;

  constructor(names: RunNames) {
    this.#names = names;
    const room = names.room(0);
    const head = `{"id":${SEND_ID_BASE},"send":{"conversation":"${room}","key":"`;
    const middle = '","attempt":1,"type":"text","content":';
    const key = names.key(0, Date.now());
    const decoder = new TextDecoder();
    this.#roomAt = head.indexOf(room) + names.roomPrefix.length;
    this.#keyAt = head.length;
    this.#bodyAt = head.length + key.length + middle.length;
    this.#templates = BODIES.map((body) =>
      new TextEncoder().encode(`${head}${key}${middle}${decoder.decode(body)}}}`),
    );
    this.#lineBytes = this.#templates[0]?.length ?? 0;
  }

  frame(lines: number): void {
    const payload = lines * (this.#lineBytes + 1) - 1;
    const needed = this.#used + headerBytes(payload) + payload + 1;
    if (needed > this.#out.length) {
      const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
      grown.set(this.#out.subarray(0, this.#used));
      this.#out = grown;
    }
    this.#used = writeTextHeader(this.#out, this.#used, payload);
  }

  line(number: number, room: number, now: number, isLast: boolean): void {
    const out = this.#out;
    const at = this.#used;
    out.set(this.#templates[number % BODY_VARIANTS] as Uint8Array, at);
    writeDecimal(out, at + 6, ID_DIGITS, SEND_ID_BASE + (number % NUMBERS));
    writeRoom(out, at + this.#roomAt, room);
    this.#names.writeKeyTime(out, at + this.#keyAt, now);
    writeKeyNumber(out, at + this.#keyAt, number);
    writeHex32(out, at + this.#bodyAt + BODY_NUMBER_AT, number);
    this.#used = at + this.#lineBytes;
    if (!isLast) out[this.#used++] = NEWLINE;
  }

  take(): { readonly bytes: Uint8Array; readonly length: number } {
    const length = this.#used;
    this.#used = 0;
    return { bytes: this.#out, length };
  }
}
