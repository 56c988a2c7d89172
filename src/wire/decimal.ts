const ZERO = 48;

/** Decimal digits of a whole number from 0. */
export function digitsOf(number: number): number {
  let digits = 1;
  for (let limit = 10; number >= limit; limit *= 10) digits++;
  return digits;
}

/**
 * Writes a whole number from 0 in decimal digits: no text is made of it before.
 *
 * @returns where it ends
 */
export function writeNumber(number: number, target: Buffer, from: number): number {
  const end = from + digitsOf(number);
  writeDigits(number, target, from, end);
  return end;
}

/** Fills `from` ≤ i < `to` with a whole number's digits, zeros before them. */
export function writeDigits(number: number, target: Buffer, from: number, to: number): void {
  let left = number;
  for (let at = to - 1; at >= from; at--) {
    const tens = Math.floor(left / 10);
    target[at] = ZERO + (left - tens * 10);
    left = tens;
  }
}
