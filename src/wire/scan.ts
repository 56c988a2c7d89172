/**
 * A scanner for JSON text (RFC 8259) that finds where values end and checks them without making
 * them. Between tokens it takes spaces and tabs only: line breaks are for the caller to deal with.
 * Each function returns the index after what it read, or −1 when the text is not valid there.
 *
 * Behind the end of a text charCodeAt gives NaN, which nothing here takes; but it makes the engine
 * throw its compiled code away. Text whose last character is no token's middle (`}` or a line feed)
 * is never read behind its end, and callers on the hot path see to that: bounds checked at every
 * character would cost half as much again.
 * Measured against JSON.parse and sticky regular expressions in `load/bench-codec.ts`.
 */

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
/** The kinds of the open values are the bits of one 32-bit integer. */
const SCAN_DEPTH_MAX = 32;

/** Whether the ASCII `word` stands at `i`. Measured: faster than startsWith for short words. */
export function standsAt(text: string, i: number, word: string): boolean {
  for (let k = 0; k < word.length; k++) {
    if (text.charCodeAt(i + k) !== word.charCodeAt(k)) return false;
  }
  return true;
}

/** The index of the first character at or after `i` that is neither a space nor a tab. */
export function skipBlanks(text: string, i: number): number {
  let at = i;
  let c = text.charCodeAt(at);
  while (c === 32 || c === 9) c = text.charCodeAt(++at);
  return at;
}

/** 1 for what ends or breaks a run of plain characters in a string: quote, backslash, control. */
const BREAKS = new Uint8Array(0x10000).fill(1, 0, 32);
BREAKS[QUOTE] = 1;
BREAKS[BACKSLASH] = 1;

/**
 * Reads a string whose opening quote is at `i`. Two characters a step and a table for all of UTF-16
 * are a third faster than comparisons one by one, whose branches no processor can foretell in text.
 */
export function skipString(text: string, i: number): number {
  const length = text.length;
  let at = i + 1;
  for (;;) {
    while (
      at + 2 <= length &&
      ((BREAKS[text.charCodeAt(at)] as number) | (BREAKS[text.charCodeAt(at + 1)] as number)) === 0
    )
      at += 2;
    if (at >= length) return -1;
    let c = text.charCodeAt(at++);
    if (BREAKS[c] === 0) {
      if (at >= length) return -1;
      c = text.charCodeAt(at++);
    }
    if (c === QUOTE) return at;
    if (c !== BACKSLASH) return -1;
    at = skipEscape(text, at);
    if (at < 0) return -1;
  }
}

function skipEscape(text: string, i: number): number {
  switch (text.charCodeAt(i)) {
    case QUOTE:
    case BACKSLASH:
    case 47: // slash
    case 98: // b
    case 102: // f
    case 110: // n
    case 114: // r
    case 116: // t
      return i + 1;
    case 117: // u
      for (let k = 1; k <= 4; k++) if (!isHex(text.charCodeAt(i + k))) return -1;
      return i + 5;
    default:
      return -1;
  }
}

function isHex(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
}

function skipDigits(text: string, i: number): number {
  let at = i;
  for (let c = text.charCodeAt(at); c >= 48 && c <= 57; c = text.charCodeAt(at)) at++;
  return at === i ? -1 : at;
}

function skipNumber(text: string, i: number): number {
  let at = text.charCodeAt(i) === 45 ? i + 1 : i;
  at = text.charCodeAt(at) === 48 ? at + 1 : skipDigits(text, at);
  if (at < 0) return -1;
  if (text.charCodeAt(at) === 46) {
    at = skipDigits(text, at + 1);
    if (at < 0) return -1;
  }
  const c = text.charCodeAt(at);
  if (c === 69 || c === 101) {
    const sign = text.charCodeAt(at + 1);
    at = skipDigits(text, sign === 43 || sign === 45 ? at + 2 : at + 1);
  }
  return at;
}

/** Reads a number, true, false or null whose first character is `c`, at `i`. */
function skipScalar(text: string, i: number, c: number): number {
  if (c === 116) return standsAt(text, i, "true") ? i + 4 : -1;
  if (c === 102) return standsAt(text, i, "false") ? i + 5 : -1;
  if (c === 110) return standsAt(text, i, "null") ? i + 4 : -1;
  return skipNumber(text, i);
}

/** Reads a member's name and colon; `i` is at its opening quote. Returns where its value starts. */
function skipName(text: string, i: number): number {
  let at = skipString(text, i);
  if (at < 0) return -1;
  at = text.charCodeAt(at) === 58 ? at : skipBlanks(text, at);
  return text.charCodeAt(at) === 58 ? at + 1 : -1;
}

/**
 * Reads the value at `i`, which may nest `depthMax` deep (1: an object or array of scalars) and 32
 * deep at most.
 */
export function skipValue(text: string, i: number, depthMax: number): number {
  const deepest = Math.min(depthMax, SCAN_DEPTH_MAX);
  const length = text.length;
  /** One bit for each open value, the innermost lowest: 1 for an object, 0 for an array. */
  let kinds = 0;
  let depth = 0;
  let at = i;
  for (;;) {
    let c = text.charCodeAt(at);
    if (c <= 32) c = text.charCodeAt((at = skipBlanks(text, at)));
    if ((kinds & 1) === 1) {
      if (c !== QUOTE) return -1;
      at = skipName(text, at);
      if (at < 0) return -1;
      c = text.charCodeAt(at);
      if (c <= 32) c = text.charCodeAt((at = skipBlanks(text, at)));
    }
    if (c === QUOTE) at = skipString(text, at);
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (++depth > deepest) return -1;
      kinds = (kinds << 1) | (c === OPEN_BRACE ? 1 : 0);
      at = skipBlanks(text, at + 1);
      // The closing bracket of an empty one is read below, where all are.
      if (text.charCodeAt(at) !== closing(kinds)) continue;
    } else at = skipScalar(text, at, c);
    if (at < 0) return -1;
    // What was open here ends as long as closing brackets follow; a comma leads to the next value.
    for (;;) {
      if (depth === 0) return at;
      if (at >= length) return -1;
      c = text.charCodeAt(at);
      if (c <= 32) c = text.charCodeAt((at = skipBlanks(text, at)));
      at++;
      if (c === 44) break;
      if (c !== closing(kinds)) return -1;
      depth--;
      kinds >>>= 1;
    }
  }
}

/** The bracket that ends the innermost open value. */
function closing(kinds: number): number {
  return (kinds & 1) === 1 ? CLOSE_BRACE : CLOSE_BRACKET;
}

/**
 * Whether brackets outside of strings open more than `depthMax` deep. The text need not be valid:
 * this is what keeps JSON.parse from text that it would recurse into.
 */
export function nestsDeeper(text: string, depthMax: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === BACKSLASH) i++;
      else if (c === QUOTE) inString = false;
    } else if (c === QUOTE) inString = true;
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      if (++depth > depthMax) return true;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) depth--;
  }
  return false;
}

/**
 * The raw text of an object's member, for text that JSON.parse took and that has no line breaks;
 * of equal names the last counts, as in JSON.parse. Undefined when there is no such member.
 */
export function sliceMember(text: string, name: string): string | undefined {
  let found: string | undefined;
  let at = skipBlanks(text, skipBlanks(text, 0) + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = skipString(text, at);
    const written = text.slice(at + 1, nameEnd - 1);
    const matches =
      written === name || (written.includes("\\") && JSON.parse(`"${written}"`) === name);
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1);
    const end = skipValue(text, start, SCAN_DEPTH_MAX);
    if (end < 0) return undefined;
    if (matches) found = text.slice(start, end);
    at = skipBlanks(text, skipBlanks(text, end) + 1);
  }
  return found;
}
