import { type EncodedBatch, RUN_NUMBERS } from "./store-batch.ts";

/** Adjacent events of one conversation and epoch, as one row keeps them. */
export interface StoreRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqFirst: number;
  readonly count: number;
  /** A line of `offset fingerprint [id]` for each event. */
  readonly meta: string;
  /** The events as lines of UTF-8. */
  readonly events: Uint8Array;
}

/** A batch as rows. */
export interface DecodedBatch {
  readonly runs: readonly StoreRun[];
  /** In the order of the runs, like the offsets. */
  readonly ids: readonly string[];
  readonly offsets: Float64Array;
}

/** Lines of printable ASCII without space, quote and backslash: the same in JSON as outside. */
const TOKENS = /^[!#-[\]-~]+(?:\n[!#-[\]-~]+)*$/;

const ID_START = '{"id":"';
const QUOTE = 34;
const LINE_FEED = 10;

/** @returns the batch's rows, or why its data is refused (the rules are those of the memory store) */
export function decodeBatch(batch: EncodedBatch): DecodedBatch | string {
  const names = JSON.parse(batch.names) as string[];
  const runCount = names.length / 3;
  const offsets = batch.numbers.subarray(runCount * RUN_NUMBERS);
  if (runCount === 0) return { runs: [], ids: [], offsets };
  const ids = batch.ids.split("\n");
  const fingerprints = batch.fingerprints.split("\n");
  if (ids.length !== offsets.length || !TOKENS.test(batch.ids)) return "an id is no token";
  if (fingerprints.length !== offsets.length || !TOKENS.test(batch.fingerprints))
    return "a fingerprint is no token";
  const runs: StoreRun[] = [];
  let start = 0;
  let at = 0;
  for (let run = 0; run < runCount; run++) {
    const [tenant, conversation, epoch] = names.slice(run * 3, run * 3 + 3) as [
      string,
      string,
      string,
    ];
    if (!tenant.isWellFormed() || !conversation.isWellFormed())
      return "a name has a lone surrogate";
    if (epoch === "" || !epoch.isWellFormed()) return "an event has no epoch";
    const [seqFirst, count, length] = batch.numbers.subarray(run * RUN_NUMBERS) as unknown as [
      number,
      number,
      number,
    ];
    if (!Number.isSafeInteger(seqFirst) || seqFirst < 1) return "an event has no seq";
    const events = Buffer.from(batch.buffer, start, length);
    start += length;
    let meta = "";
    let line = 0;
    for (let left = count; left > 0; left--, at++) {
      const id = ids[at] as string;
      meta += `${offsets[at]} ${fingerprints[at]}`;
      if (!beginsWithId(events, line, id)) meta += ` ${id}`;
      const end = events.indexOf(LINE_FEED, line);
      if (end < 0 !== (left === 1)) return "an event has a line break";
      line = end + 1;
      if (left > 1) meta += "\n";
    }
    runs.push({ tenant, conversation, epoch, seqFirst, count, meta, events });
  }
  return { runs, ids, offsets };
}

/** Whether the id can be read out of the event, as it can from all that the gateway builds. */
function beginsWithId(events: Buffer, line: number, id: string): boolean {
  const start = line + ID_START.length;
  const end = start + id.length;
  if (events[end] !== QUOTE) return false;
  for (let i = 0; i < ID_START.length; i++)
    if (events[line + i] !== ID_START.charCodeAt(i)) return false;
  // Ids are ASCII.
  for (let i = 0; i < id.length; i++) if (events[start + i] !== id.charCodeAt(i)) return false;
  return true;
}

// A mark at the start would be part of the text.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The lines of a run as they were given to the store. */
export function decodeEvents(events: Uint8Array): string {
  return decoder.decode(events);
}

/** One event's place in its run, apart from its text. */
export interface RunLine {
  readonly offset: number;
  readonly fingerprint: string;
  readonly id: string;
}

/** The reverse of one line of {@link StoreRun.meta} with its event's text. */
export function decodeLine(meta: string, event: string): RunLine {
  const first = meta.indexOf(" ");
  const second = meta.indexOf(" ", first + 1);
  return {
    offset: Number(meta.slice(0, first)),
    fingerprint: second < 0 ? meta.slice(first + 1) : meta.slice(first + 1, second),
    id:
      second < 0
        ? event.slice(ID_START.length, event.indexOf('"', ID_START.length))
        : meta.slice(second + 1),
  };
}
