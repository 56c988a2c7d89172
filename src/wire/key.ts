import { z } from "zod";
import { limitsWith } from "../limits.ts";

const limits = limitsWith();
const KEY = /^[A-Za-z0-9_-]+$/;
const DISTINCT_CHARS_MIN = 6;

/**
 * Why a message key is refused, or undefined. A key must be able to hold 96 random bits, judged by
 * its length and the smallest usual alphabet that has all its characters (digits 3.3 bits, hex 4,
 * lower or upper case with digits 5.1, all 6), and have six different characters, which refuses
 * padded counters.
 */
export function keyFault(key: string): string | undefined {
  if (key.length < limits.keyCharsMin) return `is shorter than ${limits.keyCharsMin} characters`;
  if (key.length > limits.keyCharsMax) return `is longer than ${limits.keyCharsMax} characters`;
  let low = 0;
  let high = 0;
  let distinct = 0;
  let dashes = 0;
  let kinds = 0;
  for (let i = 0; i < key.length; i++) {
    const c = key.charCodeAt(i);
    if (c >= 48 && c <= 57) kinds |= 1;
    else if (c >= 97 && c <= 102) kinds |= 2;
    else if (c >= 103 && c <= 122) kinds |= 4;
    else if (c >= 65 && c <= 90) kinds |= 8;
    else if (c === 45 || c === 95) {
      dashes++;
      kinds |= 16;
    } else return "has a character outside A-Z a-z 0-9 _ -";
    const bit = 1 << (c & 31);
    if (c < 96) {
      if ((low & bit) === 0) distinct++;
      low |= bit;
    } else {
      if ((high & bit) === 0) distinct++;
      high |= bit;
    }
  }
  let bits: number;
  const letters = key.length - dashes;
  if ((kinds & ~(1 | 16)) === 0) bits = letters * 3.32;
  else if ((kinds & ~(1 | 2 | 16)) === 0) bits = letters * 4;
  else if ((kinds & 8) === 0 || (kinds & 6) === 0) bits = letters * 5.17;
  else bits = key.length * 6;
  if (bits < limits.keyBitsMin) return `has room for fewer than ${limits.keyBitsMin} random bits`;
  if (distinct < DISTINCT_CHARS_MIN) return `has fewer than ${DISTINCT_CHARS_MIN} different characters`;
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
