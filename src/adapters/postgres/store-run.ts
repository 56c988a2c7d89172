import type { PlacedEvent, StoreBatch } from "../../ports/message-store.ts";
import type { PackedRecord } from "../../wire/packed-record.ts";
import { EventBytes } from "./event-bytes.ts";
import { idSecond, idSecondAt } from "./id-second.ts";
import { encodeMeta, leaveIdOut, packMeta } from "./store-meta.ts";
import { storedName } from "./store-name.ts";

/** Bounds what a page has to load to give one event of a run. */
export const RUN_EVENTS_MAX = 256;
const RUN_CHARS_MAX = 64 * 1024;

/** Printable ASCII without space, quote and backslash: the same inside of JSON as outside. */
const TOKEN = /^[!#-[\]-~]+$/;

/** Adjacent events of one conversation out of one batch: one row. */
export interface Run {
  /** As stored. */
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqFirst: number;
  readonly count: number;
  readonly chars: number;
  /** Of the batch's metas. */
  readonly metaStart: number;
  readonly metaEnd: number;
  /** Of the batch's bytes. */
  readonly start: number;
  readonly end: number;
}

/** A batch as rows. */
export interface EncodedBatch extends Omit<StoreBatch, "events"> {
  readonly runs: readonly Run[];
  /** The texts of the events, by run. */
  readonly bytes: Uint8Array;
  /** The events' lines, by run. */
  readonly metas: Uint8Array;
  readonly events: number;
  /** Of the ids, 32 bits by event in the batch's order. */
  readonly hashes: Uint32Array;
  /** Second of the id's key since 1970; NaN: it has no time. */
  readonly seconds: Float64Array;
  /** The run's place in {@link runs}. */
  readonly ordinals: Int32Array;
  /** Its bytes and metas may be another batch's from now on. */
  release(): void;
}

/** Events of one conversation, while they are collected. */
interface OpenRun {
  readonly events: PlacedEvent[];
  chars: number;
}

/** What a batch was encoded into. */
interface Scratch {
  readonly bytes: EventBytes;
  readonly metas: EventBytes;
}

/** For the next batches: fresh memory for each costs more than to fill it. */
const spare: Scratch[] = [];
const SPARE_MAX = 8;
const LF = 10;

/**
 * Groups a batch by conversation.
 * @param seed of the hash of ids
 * @returns the batch, or why its data is refused
 */
export function encodeBatch(batch: StoreBatch, seed: number): EncodedBatch | string {
  const { topic, partition, incarnation, ownerEpoch, expectedOffset, nextOffset, lastId, events } =
    batch;
  if (!(nextOffset >= expectedOffset)) return "the next offset is below the expected one";
  const ordinals = new Int32Array(events.length);
  const seconds = new Float64Array(events.length);
  const hashes = new Uint32Array(events.length);
  const grouping = new Grouping();
  let offsetMin = expectedOffset;
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as PlacedEvent;
    if (!(event.offset >= offsetMin && event.offset < nextOffset))
      return `offset ${event.offset} is out of order or outside of the batch`;
    offsetMin = event.offset + 1;
    const packed = bytesOf(event);
    const fault = packed === undefined ? eventFault(event) : placeFault(event);
    if (fault !== undefined) return `the event at offset ${event.offset} ${fault}`;
    ordinals[i] = grouping.add(event);
    if (packed === undefined) {
      const { id } = event;
      hashes[i] = Bun.hash.xxHash32(id, seed);
      seconds[i] = idSecond(id);
    } else {
      const { bytes, idStart, idEnd } = packed;
      hashes[i] = packed.idHash(seed);
      seconds[i] = idSecondAt(bytes, idStart, idEnd);
    }
  }
  const scratch = spare.pop() ?? { bytes: new EventBytes(), metas: new EventBytes() };
  const runs: Run[] = [];
  for (const open of grouping.runs) {
    const run = encodeRun(scratch, open, nextOffset);
    const fault = runFault(scratch, open, run);
    if (fault !== undefined) return fault;
    runs.push(run);
  }
  return {
    topic,
    partition,
    incarnation,
    ownerEpoch,
    expectedOffset,
    nextOffset,
    lastId,
    runs,
    bytes: scratch.bytes.view,
    metas: scratch.metas.view,
    events: events.length,
    hashes,
    seconds,
    ordinals,
    release() {
      scratch.bytes.clear();
      scratch.metas.clear();
      if (spare.length < SPARE_MAX) spare.push(scratch);
    },
  };
}

function encodeRun(scratch: Scratch, { events, chars }: OpenRun, batchEnd: number): Run {
  const { tenant, conversation, epoch, seq } = events[0] as PlacedEvent;
  const { bytes, metas } = scratch;
  const start = bytes.length;
  const metaStart = metas.length;
  for (const event of events) {
    if (metas.length > metaStart) metas.byte(LF);
    const packed = bytesOf(event);
    if (packed === undefined) addText(scratch, event, batchEnd);
    else packMeta(metas, packed, bytes.addRest(packed), batchEnd);
  }
  return {
    tenant: storedName(tenant),
    conversation: storedName(conversation),
    epoch: storedName(epoch),
    seqFirst: seq,
    count: events.length,
    chars,
    metaStart,
    metaEnd: metas.length,
    start,
    end: bytes.length,
  };
}

function addText(
  { bytes: texts, metas }: Scratch,
  { id, fingerprint, offset, event }: PlacedEvent,
  batchEnd: number,
): void {
  const rest = leaveIdOut(event, id);
  const idLeftOut = rest !== undefined;
  const bytes = texts.add(rest ?? event);
  metas.add(encodeMeta({ id, fingerprint, offset, bytes, idLeftOut }, batchEnd));
}

/** The event's record, where its bytes are all that is needed: then id and fingerprint are tokens. */
function bytesOf({ packed }: PlacedEvent): PackedRecord | undefined {
  return packed?.text === undefined ? packed : undefined;
}

function eventFault(event: PlacedEvent): string | undefined {
  const { id, fingerprint } = event;
  if (!TOKEN.test(id)) return "has an id that is no token";
  if (!TOKEN.test(fingerprint)) return "has a fingerprint that is no token";
  return placeFault(event);
}

function placeFault({ seq, epoch }: PlacedEvent): string | undefined {
  if (!Number.isSafeInteger(seq) || seq < 1) return "has no seq";
  return epoch.length === 0 ? "has no epoch" : undefined;
}

/** Looked for in all of a run's bytes at once: that is a tenth of what it costs for each event. */
function runFault({ bytes }: Scratch, { events }: OpenRun, run: Run): string | undefined {
  if (bytes.hasLineBreak(run.start)) return "an event has a line break";
  const isWellFormed =
    !bytes.mayBeReplaced(run.start) ||
    events.every((event) => bytesOf(event) !== undefined || event.event.isWellFormed());
  if (!isWellFormed) return "an event has a lone surrogate";
  return run.tenant.isWellFormed() && run.conversation.isWellFormed() && run.epoch.isWellFormed()
    ? undefined
    : "a name has a lone surrogate";
}

/** Which run an event belongs to; a hole in a conversation begins one, which is then refused. */
class Grouping {
  readonly runs: OpenRun[] = [];
  readonly #tenants = new Map<string, Map<string, number>>();
  #tenant: string | undefined;
  #open = new Map<string, number>();

  /** @returns the run's ordinal */
  add(event: PlacedEvent): number {
    if (event.tenant !== this.#tenant) {
      this.#tenant = event.tenant;
      this.#open = this.#tenants.get(event.tenant) ?? new Map<string, number>();
      this.#tenants.set(event.tenant, this.#open);
    }
    let ordinal = this.#open.get(event.conversation);
    if (ordinal === undefined || !continues(this.runs[ordinal] as OpenRun, event)) {
      ordinal = this.runs.length;
      this.#open.set(event.conversation, ordinal);
      this.runs.push({ events: [], chars: 0 });
    }
    const run = this.runs[ordinal] as OpenRun;
    run.events.push(event);
    run.chars += charsOf(event);
    return ordinal;
  }
}

function continues({ events, chars }: OpenRun, event: PlacedEvent): boolean {
  const last = events[events.length - 1] as PlacedEvent;
  return (
    last.epoch === event.epoch &&
    last.seq + 1 === event.seq &&
    events.length < RUN_EVENTS_MAX &&
    chars + charsOf(event) <= RUN_CHARS_MAX
  );
}

/** Of an event in bytes an upper bound: it only bounds. */
function charsOf(event: PlacedEvent): number {
  return event.packed?.eventBytes ?? event.event.length;
}
