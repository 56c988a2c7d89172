import type { Beat, EventTrace, PublishedRun, Refusal } from "../../ports/backplane.ts";
import { HeardRun } from "./heard-run.ts";

/**
 * Messages are text: a first line of numbers, then, for a publication, each run as a line of facts
 * (with the traces of its events at the end, if any) and a line for each event, which is the line that
 * readers get: whoever relays it copies it, and never reads it. The first character is the format's
 * version, the second the kind.
 */
const PUBLICATION = "2p";
const BEAT = "1b";
const REFUSAL = "1r";
export const QUESTION = "1q";

const LF = "\n";
const LF_CODE = 10;
const TAB = "\t";
const TAB_CODE = 9;
const NEXT_MAX = 256;
const NEXT = ",1".repeat(NEXT_MAX);

/** A publication of one lane; `count` is the lane's own number, `number` the partition's. */
export interface LaneHead {
  readonly ownerEpoch: number;
  readonly number: number;
  readonly count: number;
}

export function encodeHead(head: LaneHead): string {
  return `${PUBLICATION}${head.ownerEpoch} ${head.number} ${head.count}${LF}`;
}

/** The line of facts of events `from` ≤ i < `to`; undefined when a name has a line break or tab. */
export function encodeFacts(run: PublishedRun, from: number, to: number): string | undefined {
  const { tenant, conversation, epoch, offsets } = run;
  if (broken(conversation) || broken(tenant) || broken(epoch)) return undefined;
  const places = encodePlaces(offsets, from, to);
  let facts = `${run.firstSeq + from}${TAB}${to - from}${TAB}${places}`;
  if (run.traces !== undefined)
    for (const { index, traceparent } of run.traces)
      if (index >= from && index < to) facts += `${TAB}${index - from} ${traceparent}`;
  return `${tenant}${TAB}${conversation}${TAB}${epoch}${TAB}${facts}${LF}`;
}

/** The first offset, and how much further each of the others is. */
function encodePlaces(offsets: readonly number[], from: number, to: number): string {
  let previous = offsets[from] as number;
  let places = String(previous);
  let next = 0;
  for (let i = from + 1; i < to; i++) {
    const offset = offsets[i] as number;
    // Mostly one after the other: those are a slice, not a text each.
    if (offset === previous + 1 && next < NEXT_MAX) next++;
    else {
      places += `${NEXT.slice(0, next * 2)},${offset - previous}`;
      next = 0;
    }
    previous = offset;
  }
  return places + NEXT.slice(0, next * 2);
}

function broken(name: string): boolean {
  return name.includes(LF) || name.includes(TAB);
}

export interface LaneMessage extends LaneHead {
  readonly runs: readonly PublishedRun[];
}

/**
 * Reads a publication.
 * @param wanted whether a conversation's run is to be read; the others are passed over
 * @returns undefined for anything but a whole publication
 */
export function decodePublication(
  bytes: Buffer,
  wanted: (tenant: string, conversation: string) => boolean,
): LaneMessage | undefined {
  const end = bytes.indexOf(LF_CODE);
  const line = bytes.toString("latin1", 0, Math.max(end, 0));
  if (!line.startsWith(PUBLICATION)) return undefined;
  const numbers = wholes(line, PUBLICATION.length, line.length, 3);
  if (numbers === undefined) return undefined;
  const [ownerEpoch, number, count] = numbers as [number, number, number];
  const runs: PublishedRun[] = [];
  let at = end + 1;
  while (at < bytes.length) {
    // Names come first, and the run's length before them: what nobody here reads costs no more.
    const begin = bytes.indexOf(TAB_CODE, at) + 1;
    const length = begin > at ? wholeOf(bytes, at, begin - 1) : -1;
    at = begin + length;
    if (length < 1 || at > bytes.length || bytes[at - 1] !== LF_CODE) return undefined;
    const head = bytes.toString("utf8", begin, bytes.indexOf(LF_CODE, begin));
    const tenantEnd = head.indexOf(TAB);
    const conversationEnd = head.indexOf(TAB, tenantEnd + 1);
    if (tenantEnd < 0 || conversationEnd < 0) return undefined;
    const tenant = head.slice(0, tenantEnd);
    const conversation = head.slice(tenantEnd + 1, conversationEnd);
    if (!wanted(tenant, conversation)) continue;
    const lines = bytes.toString("utf8", bytes.indexOf(LF_CODE, begin) + 1, at - 1);
    const run = decodeRest({ tenant, conversation, lines }, head, conversationEnd + 1);
    if (run === undefined) return undefined;
    runs.push(run);
  }
  return { ownerEpoch, number, count, runs };
}

/** A run of what its line of facts says behind the names. */
function decodeRest(
  known: { readonly tenant: string; readonly conversation: string; readonly lines: string },
  head: string,
  begin: number,
): PublishedRun | undefined {
  const epochEnd = head.indexOf(TAB, begin);
  const seqEnd = head.indexOf(TAB, epochEnd + 1);
  const countEnd = head.indexOf(TAB, seqEnd + 1);
  if (epochEnd < 0 || seqEnd < 0 || countEnd < 0) return undefined;
  const firstSeq = wholeAt(head, epochEnd + 1, seqEnd);
  const tracesFrom = head.indexOf(TAB, countEnd + 1);
  const offsets = offsetsAt(head, countEnd + 1, tracesFrom < 0 ? head.length : tracesFrom);
  const count = wholeAt(head, seqEnd + 1, countEnd);
  if (firstSeq < 0 || offsets?.length !== count || !hasLines(known.lines, count)) return undefined;
  const traces = tracesFrom < 0 ? undefined : tracesAt(head, tracesFrom + 1, head.length);
  return new HeardRun({ ...known, epoch: head.slice(begin, epochEnd), firstSeq, offsets, traces });
}

function hasLines(lines: string, count: number): boolean {
  let at = 0;
  for (let left = count - 1; left > 0; left--) {
    at = lines.indexOf(LF, at) + 1;
    if (at === 0) return false;
  }
  return !lines.includes(LF, at);
}

/** What cannot be read of them is left out: a trace is worth less than its event. */
function tracesAt(text: string, begin: number, end: number): readonly EventTrace[] {
  return text
    .slice(begin, end)
    .split(TAB)
    .flatMap((part) => {
      const blank = part.indexOf(" ");
      const index = wholeAt(part, 0, blank);
      return index < 0 ? [] : [{ index, traceparent: part.slice(blank + 1) }];
    });
}

const DIGITS_MAX = 15;

/** A whole number between two places of a text; −1 when there is none. */
function wholeAt(text: string, from: number, to: number): number {
  if (to <= from || to - from > DIGITS_MAX) return -1;
  let number = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** The same of bytes. */
function wholeOf(bytes: Buffer, from: number, to: number): number {
  return wholeAt(bytes.toString("latin1", from, Math.min(to, from + DIGITS_MAX + 1)), 0, to - from);
}

/** The first offset and the steps to the others; undefined unless they rise. */
function offsetsAt(text: string, from: number, to: number): number[] | undefined {
  const offsets: number[] = [];
  let offset = 0;
  for (let at = from; at <= to;) {
    const comma = text.indexOf(",", at);
    const end = comma < 0 || comma > to ? to : comma;
    const step = wholeAt(text, at, end);
    if (step < 0 || (step === 0 && offsets.length > 0)) return undefined;
    offset += step;
    offsets.push(offset);
    at = end + 1;
  }
  return offsets;
}

function wholes(text: string, from: number, to: number, count: number): number[] | undefined {
  const numbers = text
    .slice(from, to)
    .split(" ")
    .map((part) => wholeAt(part, 0, part.length));
  return numbers.length === count && !numbers.includes(-1) ? numbers : undefined;
}

/** A beat with the last number of each lane. */
export interface LaneBeat {
  readonly ownerEpoch: number;
  readonly number: number;
  readonly publishedThrough: number;
  readonly storedThrough: number;
  readonly counts: readonly number[];
}

export function encodeBeat(beat: Beat, counts: readonly number[]): string {
  const { ownerEpoch, number, publishedThrough, storedThrough } = beat;
  return `${BEAT}${ownerEpoch} ${number} ${publishedThrough} ${storedThrough}${LF}${counts.join(" ")}`;
}

/** @returns undefined for anything but a beat with this number of lanes */
export function decodeBeat(text: string, lanes: number): LaneBeat | undefined {
  const end = text.indexOf(LF);
  if (!text.startsWith(BEAT) || end < 0) return undefined;
  const numbers = wholes(text, BEAT.length, end, 4);
  const counts = wholes(text, end + 1, text.length, lanes);
  if (numbers === undefined || counts === undefined) return undefined;
  const [ownerEpoch, number, publishedThrough, storedThrough] = numbers as [
    number,
    number,
    number,
    number,
  ];
  return { ownerEpoch, number, publishedThrough, storedThrough, counts };
}

const REFUSAL_FIELDS = [
  "tenant",
  "user",
  "conversation",
  "key",
  "message",
  "code",
  "origin",
] as const;

export function encodeRefusal(refusal: Refusal): string {
  return REFUSAL + JSON.stringify(REFUSAL_FIELDS.map((field) => refusal[field]));
}

/** @returns undefined for anything but a refusal */
export function decodeRefusal(text: string): Refusal | undefined {
  if (!text.startsWith(REFUSAL)) return undefined;
  let fields: unknown;
  try {
    fields = JSON.parse(text.slice(REFUSAL.length));
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length !== REFUSAL_FIELDS.length) return undefined;
  if (!fields.every((field) => typeof field === "string")) return undefined;
  const [tenant, user, conversation, key, message, code, origin] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { tenant, user, conversation, key, message, code, origin };
}
