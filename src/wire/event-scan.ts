import type { Limits } from "../limits.ts";
import type { EventLine } from "./event-line.ts";
import { eventTypeFault } from "./event-type.ts";
import { exceedsBytes } from "./name.ts";
import { skipBlanks, skipValue, standsAt } from "./scan.ts";
import { endsSafely, nameEnd } from "./send-scan.ts";

const QUOTE = 34;
/** Room for the last millisecond of the year 9999 would be one digit more; those are left out. */
const TIMESTAMP_DIGITS_MAX = 14;
/** What the line is around its payload. */
const DEPTH_AROUND_PAYLOAD = 1;

/**
 * Reads a line that is a plain event at `start` into `out` and returns the index of the line's end:
 * the text's end or a line feed. Returns −1 for every other line, valid or not: escapes in names,
 * unknown or repeated fields, and all that is wrong are left to `readIngestLine`; `out` may hold
 * anything then.
 *
 * It takes nothing that JSON.parse and the schema refuse; generated inputs prove it.
 *
 * @param out also holds the line before: a type that is the same again is neither checked nor copied
 */
export function scanEvent(text: string, start: number, limits: Limits, out: EventLine): number {
  if (!endsSafely(text) || text.charCodeAt(start) !== 123) return -1;
  const lastType = out.type;
  let at = start;
  let seen = 0;
  out.key = "";
  out.id = "";
  out.timestamp = "";
  do {
    at++;
    if (text.charCodeAt(at) === 32) at++;
    if (text.charCodeAt(at) !== QUOTE) return -1;
    const field = fieldAt(text, at);
    // Each once.
    if (field === 0 || (seen & field) !== 0) return -1;
    seen |= field;
    at += NAME_LENGTHS[field] as number;
    if (text.charCodeAt(at) === 32) at++;
    const from = at;
    switch (field) {
      case TYPE:
        if (text.charCodeAt(at) !== QUOTE) return -1;
        at += lastType.length + 1;
        if (
          lastType !== "" &&
          text.charCodeAt(at) === QUOTE &&
          standsAt(text, from + 1, lastType)
        ) {
          at++;
          break;
        }
        at = typeEnd(text, from + 1);
        if (text.charCodeAt(at) !== QUOTE) return -1;
        out.type = text.slice(from + 1, at++);
        if (eventTypeFault(out.type) !== undefined) {
          out.type = "";
          return -1;
        }
        break;
      case KEY:
        at = nameEnd(text, at, limits.eventKeyBytesMax);
        if (at < 0) return -1;
        out.key = text.slice(from + 1, at - 1);
        break;
      case ID:
        if (text.charCodeAt(at) !== QUOTE) return -1;
        at = idEnd(text, at + 1);
        if (at === from + 1 || at - from - 1 > limits.eventIdCharsMax) return -1;
        if (text.charCodeAt(at) !== QUOTE) return -1;
        out.id = text.slice(from + 1, at++);
        break;
      case TIMESTAMP: {
        let c = text.charCodeAt(at);
        if (c === 48) return -1;
        while (c >= 48 && c <= 57) c = text.charCodeAt(++at);
        if (at === from || at - from > TIMESTAMP_DIGITS_MAX) return -1;
        out.timestamp = text.slice(from, at);
        break;
      }
      case PAYLOAD:
        if (text.charCodeAt(at) !== 123) return -1;
        at = skipValue(text, at, limits.frameDepthMax - DEPTH_AROUND_PAYLOAD);
        if (at < 0) return -1;
        out.payload = text.slice(from, at);
        break;
    }
    if (text.charCodeAt(at) === 32) at++;
  } while (text.charCodeAt(at) === 44);

  if (text.charCodeAt(at) !== 125) return -1;
  at = skipBlanks(text, at + 1);
  if (at < text.length && text.charCodeAt(at) === 13) at++;
  if (at < text.length && text.charCodeAt(at) !== 10) return -1;
  if ((seen & NEEDED) !== NEEDED || exceedsBytes(out.payload, limits.contentBytesMax)) return -1;
  return at;
}

const TYPE = 1;
const KEY = 2;
const ID = 4;
const TIMESTAMP = 8;
const PAYLOAD = 16;
const NEEDED = TYPE | PAYLOAD;
/** Characters of `"<name>":` by field. */
const NAME_LENGTHS = [0, 7, 6, 0, 5, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 10];

/** Which field's name stands at `i`, with quotes and colon; 0: none. */
function fieldAt(text: string, i: number): number {
  switch (text.charCodeAt(i + 1)) {
    case 116:
      // The first letter in which the two differ.
      if (text.charCodeAt(i + 2) === 121) return standsAt(text, i, '"type":') ? TYPE : 0;
      return standsAt(text, i, '"timestamp":') ? TIMESTAMP : 0;
    case 107:
      return standsAt(text, i, '"key":') ? KEY : 0;
    case 105:
      return standsAt(text, i, '"id":') ? ID : 0;
    case 112:
      return standsAt(text, i, '"payload":') ? PAYLOAD : 0;
    default:
      return 0;
  }
}

/** Where the letters, digits, points, dashes and underscores at `i` end. */
function typeEnd(text: string, i: number): number {
  let at = i;
  for (;;) {
    const c = text.charCodeAt(at);
    const fits = (c >= 97 && c <= 122) || c === 46 || c === 45 || c === 95 || (c >= 48 && c <= 57);
    if (!fits) return at;
    at++;
  }
}

/** Where the characters of an id at `i` end. */
function idEnd(text: string, i: number): number {
  let at = i;
  for (;;) {
    const c = text.charCodeAt(at);
    const fits =
      (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 45 || (c >= 65 && c <= 90) || c === 95;
    if (!fits) return at;
    at++;
  }
}
