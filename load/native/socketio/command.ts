import { BODIES, BODY_NUMBER_AT, BODY_VARIANTS } from "../body.ts";
import { SEND_ID_BASE } from "../command.ts";
import { writeDecimal, writeHex32 } from "../digits.ts";
import { headerBytes, writeTextHeader } from "../frame.ts";
import { type RunNames, writeKeyNumber, writeRoom } from "../key.ts";
import type { MessageWriter } from "../protocol.ts";

const ID_AT = 2;
const ID_DIGITS = 10;

/**
 * Writes `send` events by patching a template. Each message is a frame of its own, so that several
 * in one "frame" are several frames in one write.
 */
export class SocketIoWriter implements MessageWriter {
  readonly #names: RunNames;
  readonly #templates: readonly Uint8Array[];
  readonly #roomAt: number;
  readonly #keyAt: number;
  readonly #bodyAt: number;
  readonly #packetBytes: number;
  #out = new Uint8Array(64 * 1024);
  #used = 0;

  constructor(names: RunNames) {
    this.#names = names;
    const head = `42${SEND_ID_BASE}["send","${names.room(0)}","`;
    const key = names.key(0, 0);
    this.#roomAt = head.indexOf(names.roomPrefix) + names.roomPrefix.length;
    this.#keyAt = head.length;
    this.#bodyAt = head.length + key.length + 2;
    const decoder = new TextDecoder();
    this.#templates = BODIES.map((body) =>
      new TextEncoder().encode(`${head}${key}",${decoder.decode(body)}]`),
    );
    this.#packetBytes = this.#templates[0]?.length ?? 0;
  }

  frame(lines: number): void {
    const needed = this.#used + lines * (headerBytes(this.#packetBytes) + this.#packetBytes);
    if (needed <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#out.length * 2));
    grown.set(this.#out.subarray(0, this.#used));
    this.#out = grown;
  }

  line(number: number, room: number, now: number): void {
    const out = this.#out;
    const at = writeTextHeader(out, this.#used, this.#packetBytes);
    out.set(this.#templates[number % BODY_VARIANTS] as Uint8Array, at);
    writeDecimal(out, at + ID_AT, ID_DIGITS, SEND_ID_BASE + number);
    writeRoom(out, at + this.#roomAt, room);
    this.#names.writeKeyTime(out, at + this.#keyAt, now);
    writeKeyNumber(out, at + this.#keyAt, number);
    writeHex32(out, at + this.#bodyAt + BODY_NUMBER_AT, number);
    this.#used = at + this.#packetBytes;
  }

  take(): { readonly bytes: Uint8Array; readonly length: number } {
    const length = this.#used;
    this.#used = 0;
    return { bytes: this.#out, length };
  }
}
