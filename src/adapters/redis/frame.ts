import type { Beat, PublishedRun, Refusal } from "../../ports/backplane.ts";

/**
 * Messages are text: a first line of numbers, then, for a publication, each run as a line of facts and
 * a line for each event. Events are JSON texts without line breaks already: they are copied, never
 * read. The first character is the format's version, the second the kind.
 */
const PUBLICATION = "1p";
const BEAT = "1b";
const REFUSAL = "1r";
export const QUESTION = "1q";

const LF = "\n";
const TAB = "\t";

/** A publication of one lane; `count` is the lane's own number, `number` the partition's. */
export interface LaneHead {
  readonly ownerEpoch: number;
  readonly number: number;
  readonly count: number;
}

export function encodeHead(head: LaneHead): string {
  return `${PUBLICATION}${head.ownerEpoch} ${head.number} ${head.count}${LF}`;
}

/**
 * Events `from` ≤ i < `to` of a run.
 * @returns undefined when a name or event has a line break or tab, which none that was checked has
 */
export function encodeRun(run: PublishedRun, from: number, to: number): string | undefined {
  const { tenant, conversation, epoch, offsets } = run;
  if (broken(conversation) || broken(tenant) || broken(epoch)) return undefined;
  const whole = from === 0 && to === run.events.length;
  const body = (whole ? run.events : run.events.slice(from, to)).join(LF);
  let previous = offsets[from] as number;
  let places = String(previous);
  for (let i = from + 1; i < to; i++) {
    const offset = offsets[i] as number;
    places += `,${offset - previous}`;
    previous = offset;
  }
  const facts = `${run.firstSeq + from}${TAB}${to - from}${TAB}${body.length}${TAB}${places}`;
  return `${tenant}${TAB}${conversation}${TAB}${epoch}${TAB}${facts}${LF}${body}${LF}`;
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
  text: string,
  wanted: (tenant: string, conversation: string) => boolean,
): LaneMessage | undefined {
  if (!text.startsWith(PUBLICATION)) return undefined;
  let end = text.indexOf(LF);
  if (end < 0) return undefined;
  const numbers = wholes(text.slice(PUBLICATION.length, end).split(" "), 3);
  if (numbers === undefined) return undefined;
  const [ownerEpoch, number, count] = numbers as [number, number, number];
  const runs: PublishedRun[] = [];
  let at = end + 1;
  while (at < text.length) {
    end = text.indexOf(LF, at);
    if (end < 0) return undefined;
    const fields = text.slice(at, end).split(TAB);
    const facts = wholes(fields.slice(3, 6), 3);
    if (fields.length !== 7 || facts === undefined) return undefined;
    const [tenant, conversation, epoch] = fields as [string, string, string];
    const [firstSeq, events, chars] = facts as [number, number, number];
    const body = end + 1;
    at = body + chars + 1;
    if (events < 1 || at > text.length || text.charCodeAt(at - 1) !== 10) return undefined;
    if (!wanted(tenant, conversation)) continue;
    const run = {
      tenant,
      conversation,
      epoch,
      firstSeq,
      offsets: offsetsOf(fields[6] as string),
      events: text.slice(body, at - 1).split(LF),
    };
    if (run.offsets?.length !== events || run.events.length !== events) return undefined;
    runs.push(run as PublishedRun);
  }
  return { ownerEpoch, number, count, runs };
}

/** @returns undefined unless they are whole numbers that rise */
function offsetsOf(places: string): number[] | undefined {
  const offsets: number[] = [];
  let offset = 0;
  for (const place of places.split(",")) {
    const step = Number(place);
    if (!Number.isSafeInteger(step) || step < 0 || (step === 0 && offsets.length > 0))
      return undefined;
    offset += step;
    offsets.push(offset);
  }
  return offsets;
}

function wholes(texts: readonly string[], count: number): number[] | undefined {
  if (texts.length !== count) return undefined;
  const numbers = texts.map((text) => (text === "" ? Number.NaN : Number(text)));
  return numbers.every((number) => Number.isSafeInteger(number) && number >= 0)
    ? numbers
    : undefined;
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
  const numbers = wholes(text.slice(BEAT.length, end).split(" "), 4);
  const counts = wholes(text.slice(end + 1).split(" "), lanes);
  if (numbers === undefined || counts === undefined) return undefined;
  const [ownerEpoch, number, publishedThrough, storedThrough] = numbers as [
    number,
    number,
    number,
    number,
  ];
  return { ownerEpoch, number, publishedThrough, storedThrough, counts };
}

const REFUSAL_FIELDS = ["tenant", "user", "conversation", "key", "message", "code"] as const;

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
  const [tenant, user, conversation, key, message, code] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return { tenant, user, conversation, key, message, code };
}
