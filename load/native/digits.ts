const HEX_CHARS = new TextEncoder().encode("0123456789abcdef");
const HEX_VALUES = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) HEX_VALUES[HEX_CHARS[value] as number] = value;

/** The digits of 000 … 999: three at a time cost a third of the divisions. */
const THREES = new Uint8Array(3_000);
for (let value = 0; value < 1_000; value++) {
  THREES[value * 3] = 48 + Math.floor(value / 100);
  THREES[value * 3 + 1] = 48 + (Math.floor(value / 10) % 10);
  THREES[value * 3 + 2] = 48 + (value % 10);
}

/** Writes `value` as decimal digits of fixed width, with leading zeros. */
export function writeDecimal(out: Uint8Array, at: number, width: number, value: number): void {
  let rest = value;
  for (let i = at + width - 1; i >= at; i -= 3) {
    const next = Math.floor(rest / 1_000);
    const digits = (rest - next * 1_000) * 3;
    out[i] = THREES[digits + 2] as number;
    if (i > at) out[i - 1] = THREES[digits + 1] as number;
    if (i > at + 1) out[i - 2] = THREES[digits] as number;
    rest = next;
  }
}

/** Writes the low 32 bits of `value` as eight hex digits. */
export function writeHex32(out: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 8; i++) out[at + i] = HEX_CHARS[(value >>> (28 - 4 * i)) & 15] as number;
}

/** The number in a field of decimal digits of fixed width, or −1 when a byte is no digit. */
export function readDecimal(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i++) {
    const digit = (bytes[i] as number) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** The number in eight hex digits, or −1 when a byte is none. */
export function readHex32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const digit = HEX_VALUES[bytes[i] as number] as number;
    if (!(digit >= 0)) return -1;
    value = (value << 4) | digit;
  }
  return value >>> 0;
}
