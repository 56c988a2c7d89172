import type { PlacedEvent, StoreBatch } from "../../ports/message-store.ts";
import { storedName } from "./store-name.ts";

/** Bounds what a page has to load to give one event of a run. */
export const RUN_EVENTS_MAX = 256;
const RUN_CHARS_MAX = 64 * 1024;

/** Printable ASCII without space, quote and backslash: the same inside of JSON as outside. */
const TOKEN = /^[!#-[\]-~]+$/;
const ID_START = '{"id":"';
const QUOTE = 34;

/** Adjacent events of one conversation out of one batch: one row. */
export interface Run {
  /** As stored. */
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqFirst: number;
  count: number;
  chars: number;
  meta: string;
  events: string;
}

/** A batch as rows. */
export interface EncodedBatch extends Omit<StoreBatch, "events"> {
  readonly runs: readonly Run[];
  readonly events: number;
  /** By event, in the batch's order; `ordinals`: its run's place in {@link runs}. */
  readonly ids: readonly string[];
  readonly ordinals: Int32Array;
}

/**
 * Groups a batch by conversation. An event's line leaves out the id that it begins with, since the
 * line of its meta has it: `<+ or ->` for left out or not, how far before the batch's end its offset
 * is, fingerprint and id.
 *
 * @returns the batch, or why its data is refused
 */
export function encodeBatch(batch: StoreBatch): EncodedBatch | string {
  const { expectedOffset, nextOffset, events } = batch;
  if (!(nextOffset >= expectedOffset)) return "the next offset is below the expected one";
  const grouping = new Grouping();
  const ordinals = new Int32Array(events.length);
  const ids: string[] = [];
  let offsetMin = expectedOffset;
  for (let i = 0; i < events.length; i++) {
    const event = events[i] as PlacedEvent;
    const { offset, id } = event;
    if (!(offset >= offsetMin && offset < nextOffset))
      return `offset ${offset} is out of order or outside of the batch`;
    offsetMin = offset + 1;
    const fault = eventFault(event);
    if (fault !== undefined) return `the event at offset ${offset} ${fault}`;
    const ordinal = grouping.runOf(event);
    const run = grouping.runs[ordinal] as Run;
    append(run, event, nextOffset - offset);
    ordinals[i] = ordinal;
    ids.push(id);
  }
  const fault = textFault(grouping.runs);
  if (fault !== undefined) return fault;
  const { topic, partition, incarnation, ownerEpoch, lastId } = batch;
  return {
    topic,
    partition,
    incarnation,
    ownerEpoch,
    expectedOffset,
    nextOffset,
    lastId,
    runs: grouping.runs,
    events: events.length,
    ids,
    ordinals,
  };
}

function eventFault({ seq, id, fingerprint, event, epoch }: PlacedEvent): string | undefined {
  if (!Number.isSafeInteger(seq) || seq < 1) return "has no seq";
  if (!TOKEN.test(id)) return "has an id that is no token";
  if (!TOKEN.test(fingerprint)) return "has a fingerprint that is no token";
  if (event.includes("\n")) return "has a line break";
  if (epoch.length === 0) return "has no epoch";
  return undefined;
}

/** Encoding would replace a lone surrogate in silence. */
function textFault(runs: readonly Run[]): string | undefined {
  for (const { tenant, conversation, epoch, events } of runs) {
    if (!events.isWellFormed()) return "an event has a lone surrogate";
    if (!tenant.isWellFormed() || !conversation.isWellFormed() || !epoch.isWellFormed())
      return "a name has a lone surrogate";
  }
  return undefined;
}

function append(run: Run, { id, fingerprint, event }: PlacedEvent, back: number): void {
  const end = ID_START.length + id.length;
  const beginsWithId =
    event.charCodeAt(end) === QUOTE &&
    event.startsWith(id, ID_START.length) &&
    event.startsWith(ID_START);
  const text = beginsWithId ? event.slice(end + 1) : event;
  const meta = `${beginsWithId ? "+" : "-"}${back} ${fingerprint} ${id}`;
  run.events = run.count === 0 ? text : `${run.events}\n${text}`;
  run.meta = run.count === 0 ? meta : `${run.meta}\n${meta}`;
  run.chars += event.length;
  run.count++;
}

/** Which run an event belongs to; a hole in a conversation begins one, which is then refused. */
class Grouping {
  readonly runs: Run[] = [];
  readonly #tenants = new Map<string, Map<string, number>>();
  #tenant: string | undefined;
  #open = new Map<string, number>();

  runOf(event: PlacedEvent): number {
    if (event.tenant !== this.#tenant) {
      this.#tenant = event.tenant;
      this.#open = this.#tenants.get(event.tenant) ?? new Map<string, number>();
      this.#tenants.set(event.tenant, this.#open);
    }
    const known = this.#open.get(event.conversation);
    if (known !== undefined && continues(this.runs[known] as Run, event)) return known;
    const ordinal = this.runs.length;
    this.#open.set(event.conversation, ordinal);
    this.runs.push({
      tenant: storedName(event.tenant),
      conversation: storedName(event.conversation),
      epoch: storedName(event.epoch),
      seqFirst: event.seq,
      count: 0,
      chars: 0,
      meta: "",
      events: "",
    });
    return ordinal;
  }
}

function continues(run: Run, event: PlacedEvent): boolean {
  return (
    run.epoch === event.epoch &&
    run.seqFirst + run.count === event.seq &&
    run.count < RUN_EVENTS_MAX &&
    run.chars + event.event.length <= RUN_CHARS_MAX
  );
}

/** One event's line of a run's meta. */
export interface EventMeta {
  readonly offset: number;
  readonly id: string;
  readonly fingerprint: string;
  /** The event's text begins with the id, and the stored line leaves that out. */
  readonly idLeftOut: boolean;
}

/** @param batchEnd next offset of the run's batch */
export function decodeMeta(meta: Buffer, batchEnd: number): EventMeta[] {
  return meta
    .toString("latin1")
    .split("\n")
    .map((line) => {
      const first = line.indexOf(" ");
      const second = line.indexOf(" ", first + 1);
      return {
        offset: batchEnd - Number(line.slice(1, first)),
        fingerprint: line.slice(first + 1, second),
        id: line.slice(second + 1),
        idLeftOut: line.startsWith("+"),
      };
    });
}

/** The events' texts, by line. */
export function decodeEvents(events: Buffer, metas: readonly EventMeta[]): string[] {
  // Not TextDecoder, which drops a byte order mark.
  const lines = events.toString("utf8").split("\n");
  return metas.map(({ id, idLeftOut }, i) =>
    idLeftOut ? `${ID_START}${id}"${lines[i]}` : (lines[i] ?? ""),
  );
}
