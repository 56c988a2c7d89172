import { readHex32, writeDecimal, writeHex32 } from "./digits.ts";

export const KEY_BYTES = 36;
const NUMBER_AT = 28;
const TIME_CHARS = 13;
export const ROOM_DIGITS = 7;

/**
 * The names of one run: they differ from run to run on the same server, and every key and
 * conversation carries its number in digits of fixed width, so that a scanner can read it in place.
 */
export class RunNames {
  /** Every conversation is this and {@link roomDigits}. */
  readonly roomPrefix: string;
  readonly #keyTail: string;
  #keyTime = -1;
  readonly #keyTimeBytes = new Uint8Array(TIME_CHARS);

  /** @param nonce 28 random bits */
  constructor(nonce: number = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) {
    const hex = (nonce >>> 4).toString(16).padStart(7, "0");
    this.roomPrefix = `load-${hex}-`;
    this.#keyTail = `-8${hex.slice(0, 3)}-${hex.slice(3)}`;
  }

  room(number: number): string {
    return this.roomPrefix + String(number).padStart(ROOM_DIGITS, "0");
  }

  /** Puts this moment into a key that is otherwise there. */
  writeKeyTime(out: Uint8Array, keyAt: number, now: number): void {
    if (now !== this.#keyTime) {
      this.#keyTime = now;
      const text = this.key(0, now);
      for (let i = 0; i < TIME_CHARS; i++) this.#keyTimeBytes[i] = text.charCodeAt(i);
    }
    for (let i = 0; i < TIME_CHARS; i++) out[keyAt + i] = this.#keyTimeBytes[i] as number;
  }

  /**
   * The key of message `number`: a UUIDv7 (RFC 9562, 5.7) of this moment whose last 32 bits are the
   * number. A real client draws all 74 bits at random.
   */
  key(number: number, now: number): string {
    const time = now.toString(16).padStart(12, "0");
    const scrambled = scramble(number).toString(16).padStart(3, "0");
    const digits = number.toString(16).padStart(8, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${scrambled}${this.#keyTail}${digits}`;
  }
}

/** Twelve bits that look random, as those of other clients' keys would. */
function scramble(number: number): number {
  return Math.imul(number, 2_654_435_761) >>> 20;
}

/** The number in the key at `at`, or −1 when these bytes are no such key. */
export function keyNumber(bytes: Uint8Array, at: number): number {
  return bytes[at + 8] === 45 && bytes[at + 23] === 45 ? readHex32(bytes, at + NUMBER_AT) : -1;
}

export function writeRoom(out: Uint8Array, at: number, number: number): void {
  writeDecimal(out, at, ROOM_DIGITS, number);
}

/** Puts a number's own digits into a key that is otherwise there. */
export function writeKeyNumber(out: Uint8Array, keyAt: number, number: number): void {
  const scrambled = scramble(number);
  for (let i = 0; i < 3; i++) {
    const digit = (scrambled >>> (8 - 4 * i)) & 15;
    out[keyAt + 15 + i] = digit < 10 ? 48 + digit : 87 + digit;
  }
  writeHex32(out, keyAt + NUMBER_AT, number);
}
