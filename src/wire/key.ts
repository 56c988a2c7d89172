import { z } from "zod";
import { limitsWith } from "../limits.ts";

const limits = limitsWith();
const KEY = /^[A-Za-z0-9_-]+$/;
const DISTINCT_CHARS_MIN = 6;

/** What a character adds to the kinds of a key; 0: it may not be in a key. */
const DIGIT = 1;
const HEX_LETTER = 2;
const LOWER = 4;
const UPPER = 8;
const DASH = 16;
const KINDS = Uint8Array.from({ length: 128 }, (_, c) => {
  if (c >= 48 && c <= 57) return DIGIT;
  if (c >= 97 && c <= 102) return HEX_LETTER;
  if (c >= 103 && c <= 122) return LOWER;
  if (c >= 65 && c <= 90) return UPPER;
  return c === 45 || c === 95 ? DASH : 0;
});

/** What the last call of {@link scanKey} saw; variables, since an object for each key would cost. */
let kinds = 0;
let dashes = 0;
let distinct = 0;

/** Measures the key that starts at `start`; returns the index of the first character not in it. */
function scanKey(text: string, start: number): number {
  let seenKinds = 0;
  let seenDashes = 0;
  let low = 0;
  let middle = 0;
  let high = 0;
  let i = start;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const kind = c < 128 ? (KINDS[c] as number) : 0;
    if (kind === 0) break;
    seenKinds |= kind;
    seenDashes += kind >> 4;
    const bit = 1 << (c & 31);
    if (c < 64) low |= bit;
    else if (c < 96) middle |= bit;
    else high |= bit;
  }
  kinds = seenKinds;
  dashes = seenDashes;
  distinct = countBits(low) + countBits(middle) + countBits(high);
  return i;
}

function countBits(mask: number): number {
  let x = mask - ((mask >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** The random bits that the key of the last {@link scanKey} has room for. */
function roomBits(length: number): number {
  const letters = length - dashes;
  if ((kinds & ~(DIGIT | DASH)) === 0) return letters * 3.32;
  if ((kinds & ~(DIGIT | HEX_LETTER | DASH)) === 0) return letters * 4;
  if ((kinds & UPPER) === 0 || (kinds & (HEX_LETTER | LOWER)) === 0) return letters * 5.17;
  return length * 6;
}

/**
 * Where the key that starts at `start` ends, or −1 when {@link keyFault} would refuse it. For the
 * scanner of frames, which checks a key where it stands.
 */
export function keyEnd(text: string, start: number): number {
  const end = scanKey(text, start);
  const length = end - start;
  if (length < limits.keyCharsMin || length > limits.keyCharsMax) return -1;
  return roomBits(length) < limits.keyBitsMin || distinct < DISTINCT_CHARS_MIN ? -1 : end;
}

/**
 * Why a message key is refused, or undefined. A key must be able to hold 96 random bits, judged by
 * its length and the smallest usual alphabet that has all its characters (digits 3.3 bits, hex 4,
 * lower or upper case with digits 5.1, all 6), and have six different characters, which refuses
 * padded counters.
 */
export function keyFault(key: string): string | undefined {
  if (key.length < limits.keyCharsMin) return `is shorter than ${limits.keyCharsMin} characters`;
  if (key.length > limits.keyCharsMax) return `is longer than ${limits.keyCharsMax} characters`;
  if (scanKey(key, 0) < key.length) return "has a character outside A-Z a-z 0-9 _ -";
  if (roomBits(key.length) < limits.keyBitsMin)
    return `has room for fewer than ${limits.keyBitsMin} random bits`;
  if (distinct < DISTINCT_CHARS_MIN)
    return `has fewer than ${DISTINCT_CHARS_MIN} different characters`;
  return undefined;
}

export const keySchema = z
  .string()
  .min(limits.keyCharsMin)
  .max(limits.keyCharsMax)
  .regex(KEY)
  .refine((key) => keyFault(key) === undefined, {
    error: (issue) => keyFault(String(issue.input)) ?? "is not a key",
  })
  .meta({ description: "Chosen by the client, with at least 96 random bits: a UUIDv7" });
