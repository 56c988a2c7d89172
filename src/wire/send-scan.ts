import { limitsWith, type Limits } from "../limits.ts";
import type { SendCommand } from "./command.ts";
import type { MessageKind } from "./content.ts";
import { keyEnd } from "./key.ts";
import { exceedsBytes, nameFault } from "./name.ts";
import { skipBlanks, skipString, skipValue, standsAt } from "./scan.ts";

const QUOTE = 34;
const ID_DIGITS_MAX = 15;
const { attemptMax, conversationBytesMax } = limitsWith();
const ATTEMPT_DIGITS_MAX = String(attemptMax).length;
/** What the line and the body of the command are around its content. */
const DEPTH_AROUND_CONTENT = 2;

/**
 * Reads a line that is a plain `send` at `start`, adds the command to `out` and returns the index
 * of the line's end: the text's end or a line feed. Returns −1 and adds nothing for every other
 * line, valid or not: escapes in names, an id after the verb, unknown or repeated fields, numbers
 * like 1e0, carriage returns, and all that is wrong are left to `readLine`.
 *
 * It takes nothing that JSON.parse and the schema of `send` refuse; generated inputs prove it. It
 * makes no value of the content, which JSON.parse would: half the time for the whole command.
 */
export function scanSend(
  text: string,
  start: number,
  limits: Limits,
  out: { push(command: SendCommand): unknown },
): number {
  if (!endsSafely(text) || !standsAt(text, start, '{"id":')) return -1;
  let at = start + 6;
  if (text.charCodeAt(at) === 32) at++;
  const idStart = at;
  let c = text.charCodeAt(at);
  if (c === 48) return -1;
  let id = 0;
  for (; c >= 48 && c <= 57; c = text.charCodeAt(++at)) id = id * 10 + (c - 48);
  if (at === idStart || at - idStart > ID_DIGITS_MAX) return -1;
  if (c !== 44) return -1;
  at++;
  if (text.charCodeAt(at) === 32) at++;
  if (!standsAt(text, at, '"send":')) return -1;
  return scanBody(text, at + 7, id, limits, out);
}

/**
 * As {@link scanSend} for a line `{"send":{…}}`, whose command has no id of its own: a body's lines
 * are numbered.
 */
export function scanNamelessSend(
  text: string,
  start: number,
  limits: Limits,
  out: { push(command: SendCommand): unknown },
): number {
  if (!endsSafely(text) || !standsAt(text, start, '{"send":')) return -1;
  return scanBody(text, start + 8, 0, limits, out);
}

/** Reads what stands behind `"send":`, to the line's end. */
function scanBody(
  text: string,
  start: number,
  id: number,
  limits: Limits,
  out: { push(command: SendCommand): unknown },
): number {
  let at = start;
  let c = 0;
  if (text.charCodeAt(at) === 32) at++;
  if (text.charCodeAt(at) !== 123) return -1;

  let conversation: string | undefined;
  let key: string | undefined;
  let attempt = 0;
  let kind: MessageKind | undefined;
  let content: string | undefined;
  let traceparent: string | undefined;
  do {
    at++;
    if (text.charCodeAt(at) === 32) at++;
    if (text.charCodeAt(at) !== QUOTE) return -1;
    const field = fieldAt(text, at);
    at += NAME_LENGTHS[field] as number;
    if (text.charCodeAt(at) === 32) at++;
    const valueStart = at;
    switch (field) {
      case CONVERSATION:
        at = nameEnd(text, at, conversationBytesMax);
        if (at < 0 || conversation !== undefined) return -1;
        conversation = text.slice(valueStart + 1, at - 1);
        break;
      case KEY:
        if (text.charCodeAt(at) !== QUOTE || key !== undefined) return -1;
        at = keyEnd(text, at + 1);
        if (at < 0 || text.charCodeAt(at) !== QUOTE) return -1;
        key = text.slice(valueStart + 1, at++);
        break;
      case ATTEMPT:
        c = text.charCodeAt(at);
        if (c === 48 || attempt !== 0) return -1;
        for (; c >= 48 && c <= 57; c = text.charCodeAt(++at)) attempt = attempt * 10 + (c - 48);
        if (at - valueStart > ATTEMPT_DIGITS_MAX) return -1;
        if (attempt === 0 || attempt > attemptMax) return -1;
        break;
      case TYPE:
        if (kind !== undefined) return -1;
        kind = kindAt(text, at);
        if (kind === undefined) return -1;
        at += kind.length + 2;
        break;
      case CONTENT:
        if (text.charCodeAt(at) !== 123 || content !== undefined) return -1;
        at = skipValue(text, at, limits.frameDepthMax - DEPTH_AROUND_CONTENT);
        if (at < 0) return -1;
        content = text.slice(valueStart, at);
        break;
      case TRACEPARENT:
        at = plainEnd(text, at);
        if (at < 0 || traceparent !== undefined) return -1;
        traceparent = text.slice(valueStart + 1, at - 1);
        break;
      default:
        return -1;
    }
    c = text.charCodeAt(at);
    if (c === 32) c = text.charCodeAt(++at);
  } while (c === 44);

  if (c !== 125) return -1;
  at = skipBlanks(text, at + 1);
  if (text.charCodeAt(at) !== 125) return -1;
  at = skipBlanks(text, at + 1);
  if (at < text.length && text.charCodeAt(at) !== 10) return -1;
  if (conversation === undefined || key === undefined || content === undefined) return -1;
  if (exceedsBytes(content, limits.contentBytesMax)) return -1;
  kind ??= "text";
  out.push({ verb: "send", id, conversation, key, attempt, kind, content, traceparent });
  return at;
}

/** Whether the scanner cannot run over the text's end, see `scan.ts`. */
export function endsSafely(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last === 125 || last === 10;
}

const CONVERSATION = 1;
const KEY = 2;
const ATTEMPT = 3;
const TYPE = 4;
const CONTENT = 5;
const TRACEPARENT = 6;
/** Characters of `"<name>":` by field. */
const NAME_LENGTHS = [0, 15, 6, 10, 7, 10, 14];

/** Which field's name stands at `i`, with quotes and colon; 0: none. */
function fieldAt(text: string, i: number): number {
  switch (text.charCodeAt(i + 1)) {
    case 107:
      return standsAt(text, i, '"key":') ? KEY : 0;
    case 97:
      return standsAt(text, i, '"attempt":') ? ATTEMPT : 0;
    case 116:
      if (standsAt(text, i, '"type":')) return TYPE;
      return standsAt(text, i, '"traceparent":') ? TRACEPARENT : 0;
    case 99:
      // The first letter in which the two differ.
      if (text.charCodeAt(i + 4) === 116) return standsAt(text, i, '"content":') ? CONTENT : 0;
      return standsAt(text, i, '"conversation":') ? CONVERSATION : 0;
    default:
      return 0;
  }
}

/** Where a string in quotes at `i` ends; −1 when it has anything but plain ASCII or is none. */
function plainEnd(text: string, i: number): number {
  if (text.charCodeAt(i) !== QUOTE) return -1;
  let at = i + 1;
  let c = text.charCodeAt(at);
  while (c >= 32 && c < 127 && c !== QUOTE && c !== 92) c = text.charCodeAt(++at);
  return c === QUOTE ? at + 1 : -1;
}

function kindAt(text: string, i: number): MessageKind | undefined {
  if (standsAt(text, i, '"text"')) return "text";
  if (standsAt(text, i, '"file"')) return "file";
  if (standsAt(text, i, '"image"')) return "image";
  return standsAt(text, i, '"video"') ? "video" : undefined;
}

/** Reads a name in quotes at `i`, of a conversation or the like; −1 when it has escapes or is none. */
export function nameEnd(text: string, i: number, bytesMax: number): number {
  if (text.charCodeAt(i) !== QUOTE) return -1;
  const start = i + 1;
  let at = start;
  let c = text.charCodeAt(at);
  while (c >= 32 && c < 127 && c !== QUOTE && c !== 92) c = text.charCodeAt(++at);
  if (c === QUOTE) return at === start || at - start > bytesMax ? -1 : at + 1;
  if (c < 127) return -1;
  const end = skipString(text, i);
  if (end < 0) return -1;
  const name = text.slice(start, end - 1);
  return name.includes("\\") || nameFault(name, bytesMax) !== undefined ? -1 : end;
}
