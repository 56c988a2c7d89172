import type { PlacedEvent, StoreBatch } from "../../ports/message-store.ts";

/** Adjacent events of one conversation and epoch, as one row keeps them. */
export interface StoreRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqFirst: number;
  readonly count: number;
  readonly meta: string;
  readonly events: string;
}

/** A batch as it goes to the writer's thread. */
export interface EncodedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly ownerEpoch: number;
  readonly expectedOffset: number;
  readonly nextOffset: number;
  readonly lastId: string;
  readonly runs: readonly StoreRun[];
  /** In the order of the runs; as lines. */
  readonly ids: string;
  /** The same events' offsets. */
  readonly offsets: Float64Array;
}

/** Bounds what a page has to load to give one event of a run. */
const RUN_EVENTS_MAX = 1_000;
const RUN_CHARS_MAX = 128 * 1024;

interface OpenRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqFirst: number;
  count: number;
  chars: number;
  meta: string;
  events: string;
  ids: string;
  readonly offsets: number[];
}

/**
 * Groups a batch by conversation and writes each group as lines: what is done for each event before
 * the batch leaves the caller's thread, and therefore concatenation only.
 *
 * @returns the batch, or why its data is refused
 */
export function encodeBatch(batch: StoreBatch): EncodedBatch | string {
  const runs: OpenRun[] = [];
  const tenants = new Map<string, Map<string, OpenRun>>();
  let tenant: string | undefined;
  let open = new Map<string, OpenRun>();
  for (const event of batch.events) {
    if (event.tenant !== tenant) {
      tenant = event.tenant;
      open = tenants.get(tenant) ?? new Map<string, OpenRun>();
      tenants.set(tenant, open);
    }
    let run = open.get(event.conversation);
    if (run?.epoch === event.epoch && event.seq !== run.seqFirst + run.count)
      return `seq ${event.seq} at offset ${event.offset} does not follow ${run.seqFirst + run.count - 1}`;
    if (
      run?.epoch !== event.epoch ||
      run.count >= RUN_EVENTS_MAX ||
      run.chars + event.event.length > RUN_CHARS_MAX
    ) {
      run = openRun(event);
      open.set(event.conversation, run);
      runs.push(run);
    } else {
      run.meta += "\n";
      run.events += "\n";
      run.ids += "\n";
    }
    run.count++;
    run.chars += event.event.length;
    run.meta += `${event.offset} ${event.fingerprint}`;
    if (!beginsWithId(event)) run.meta += ` ${event.id}`;
    run.events += event.event;
    run.ids += event.id;
    run.offsets.push(event.offset);
  }
  const offsets = new Float64Array(batch.events.length);
  let ids = "";
  let at = 0;
  for (const run of runs) {
    ids += at === 0 ? run.ids : `\n${run.ids}`;
    for (const offset of run.offsets) offsets[at++] = offset;
  }
  const { topic, partition, incarnation, ownerEpoch, expectedOffset, nextOffset, lastId } = batch;
  return {
    topic,
    partition,
    incarnation,
    ownerEpoch,
    expectedOffset,
    nextOffset,
    lastId,
    runs: runs.map(closedRun),
    ids,
    offsets,
  };
}

function openRun({ tenant, conversation, epoch, seq }: PlacedEvent): OpenRun {
  return {
    tenant,
    conversation,
    epoch,
    seqFirst: seq,
    count: 0,
    chars: 0,
    meta: "",
    events: "",
    ids: "",
    offsets: [],
  };
}

function closedRun(run: OpenRun): StoreRun {
  const { tenant, conversation, epoch, seqFirst, count, meta, events } = run;
  return { tenant, conversation, epoch, seqFirst, count, meta, events };
}

const ID_START = '{"id":"'.length;

/** Whether the id can be read out of the event, as it can from all that the gateway builds. */
function beginsWithId({ id, event }: PlacedEvent): boolean {
  return (
    event.startsWith(id, ID_START) &&
    event.startsWith('{"id":"') &&
    event.charCodeAt(ID_START + id.length) === 34
  );
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
    id: second < 0 ? event.slice(ID_START, event.indexOf('"', ID_START)) : meta.slice(second + 1),
  };
}
