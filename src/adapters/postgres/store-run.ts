import type { PlacedEvent, StoreBatch } from "../../ports/message-store.ts";
import { EventBytes } from "./event-bytes.ts";
import { idSecond } from "./id-second.ts";
import { encodeMeta, leaveIdOut } from "./store-meta.ts";
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
  readonly meta: string;
  /** Of the batch's bytes. */
  readonly start: number;
  readonly end: number;
}

/** A batch as rows. */
export interface EncodedBatch extends Omit<StoreBatch, "events"> {
  readonly runs: readonly Run[];
  /** The texts of the events, by run. */
  readonly bytes: Uint8Array;
  readonly events: number;
  /** By event, in the batch's order. */
  readonly ids: readonly string[];
  /** Second of the id's key since 1970; NaN: it has no time. */
  readonly seconds: Float64Array;
  /** The run's place in {@link runs}. */
  readonly ordinals: Int32Array;
}

/** Events of one conversation, while they are collected. */
interface OpenRun {
  readonly events: PlacedEvent[];
  chars: number;
}

/** Used by one batch after the other: encoding never waits. */
const scratch = new EventBytes();

/**
 * Groups a batch by conversation.
 * @returns the batch, or why its data is refused
 */
export function encodeBatch(batch: StoreBatch): EncodedBatch | string {
  const { topic, partition, incarnation, ownerEpoch, expectedOffset, nextOffset, lastId, events } =
    batch;
  if (!(nextOffset >= expectedOffset)) return "the next offset is below the expected one";
  const ordinals = new Int32Array(events.length);
  const seconds = new Float64Array(events.length);
  const ids: string[] = [];
  const grouping = new Grouping();
  let offsetMin = expectedOffset;
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as PlacedEvent;
    if (!(event.offset >= offsetMin && event.offset < nextOffset))
      return `offset ${event.offset} is out of order or outside of the batch`;
    offsetMin = event.offset + 1;
    const fault = eventFault(event);
    if (fault !== undefined) return `the event at offset ${event.offset} ${fault}`;
    ordinals[i] = grouping.add(event);
    seconds[i] = idSecond(event.id);
    ids.push(event.id);
  }
  const runs: Run[] = [];
  let fault: string | undefined;
  for (const open of grouping.runs) {
    const run = encodeRun(open, nextOffset);
    fault ??= runFault(open, run);
    runs.push(run);
  }
  const bytes = scratch.take();
  if (fault !== undefined) return fault;
  return {
    topic,
    partition,
    incarnation,
    ownerEpoch,
    expectedOffset,
    nextOffset,
    lastId,
    runs,
    bytes,
    events: events.length,
    ids,
    seconds,
    ordinals,
  };
}

function encodeRun({ events, chars }: OpenRun, batchEnd: number): Run {
  const { tenant, conversation, epoch, seq } = events[0] as PlacedEvent;
  const start = scratch.length;
  const lines: string[] = [];
  for (const { id, fingerprint, offset, event } of events) {
    const rest = leaveIdOut(event, id);
    const idLeftOut = rest !== undefined;
    const bytes = scratch.add(rest ?? event);
    lines.push(encodeMeta({ id, fingerprint, offset, bytes, idLeftOut }, batchEnd));
  }
  return {
    tenant: storedName(tenant),
    conversation: storedName(conversation),
    epoch: storedName(epoch),
    seqFirst: seq,
    count: events.length,
    chars,
    meta: lines.join("\n"),
    start,
    end: scratch.length,
  };
}

function eventFault({ seq, id, fingerprint, epoch }: PlacedEvent): string | undefined {
  if (!Number.isSafeInteger(seq) || seq < 1) return "has no seq";
  if (!TOKEN.test(id)) return "has an id that is no token";
  if (!TOKEN.test(fingerprint)) return "has a fingerprint that is no token";
  if (epoch.length === 0) return "has no epoch";
  return undefined;
}

/** Looked for in all of a run's bytes at once: that is a tenth of what it costs for each event. */
function runFault({ events }: OpenRun, run: Run): string | undefined {
  if (scratch.hasLineBreak(run.start)) return "an event has a line break";
  const isWellFormed =
    !scratch.mayBeReplaced(run.start) || events.every(({ event }) => event.isWellFormed());
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
    run.chars += event.event.length;
    return ordinal;
  }
}

function continues({ events, chars }: OpenRun, event: PlacedEvent): boolean {
  const last = events[events.length - 1] as PlacedEvent;
  return (
    last.epoch === event.epoch &&
    last.seq + 1 === event.seq &&
    events.length < RUN_EVENTS_MAX &&
    chars + event.event.length <= RUN_CHARS_MAX
  );
}
