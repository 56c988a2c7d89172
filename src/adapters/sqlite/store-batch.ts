import type { PlacedEvent, StoreBatch } from "../../ports/message-store.ts";
import { TextBytes } from "./text-bytes.ts";

/**
 * A batch on its way to the writer's thread: few, large strings, since a structured clone costs by
 * the value and a string is copied as a block.
 */
export interface EncodedBatch extends Omit<StoreBatch, "events"> {
  /** JSON of tenant, conversation and epoch of each run. */
  readonly names: string;
  /** Of each run: first seq, events, bytes; then the offset of each event. */
  readonly numbers: Float64Array;
  /** Each run's events as lines of UTF-8, in the order of the runs; moved to the writer and back. */
  readonly buffer: ArrayBuffer;
  readonly ids: string;
  readonly fingerprints: string;
}

/** How many of {@link EncodedBatch.numbers} a run has, apart from its events' offsets. */
export const RUN_NUMBERS = 3;

/** Bounds what a page has to load to give one event of a run. */
const RUN_EVENTS_MAX = 1_000;
const RUN_CHARS_MAX = 128 * 1024;

interface OpenRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seqFirst: number;
  readonly events: PlacedEvent[];
  chars: number;
}

/**
 * Groups a batch by conversation. It is done for each event on the thread that has the sockets, so
 * it does little more than join; the writer's
 * thread checks the rest.
 *
 * @param spare a buffer to use again
 * @returns the batch, or why its data is refused
 */
export function encodeBatch(batch: StoreBatch, spare?: ArrayBuffer): EncodedBatch | string {
  const { topic, partition, incarnation, ownerEpoch, expectedOffset, nextOffset, lastId } = batch;
  const runs = collectRuns(batch);
  if (typeof runs === "string") return runs;
  const names: string[] = [];
  const numbers = new Float64Array(runs.length * RUN_NUMBERS + batch.events.length);
  const chars = runs.reduce((sum, run) => sum + run.chars + run.events.length, 0);
  const bytes = new TextBytes(spare, chars);
  const ids: string[] = [];
  const fingerprints: string[] = [];
  let at = 0;
  let offsetAt = runs.length * RUN_NUMBERS;
  for (const run of runs) {
    names.push(run.tenant, run.conversation, run.epoch);
    numbers[at++] = run.seqFirst;
    numbers[at++] = run.events.length;
    let text = "";
    for (const event of run.events) {
      numbers[offsetAt++] = event.offset;
      text = text === "" ? event.event : `${text}\n${event.event}`;
      ids.push(event.id);
      fingerprints.push(event.fingerprint);
    }
    // Encoding would replace it in silence.
    if (!text.isWellFormed()) return "an event has a lone surrogate";
    numbers[at++] = bytes.add(text);
  }
  return {
    topic,
    partition,
    incarnation,
    ownerEpoch,
    expectedOffset,
    nextOffset,
    lastId,
    names: JSON.stringify(names),
    numbers,
    buffer: bytes.buffer,
    ids: ids.join("\n"),
    fingerprints: fingerprints.join("\n"),
  };
}

function collectRuns({ events, expectedOffset, nextOffset }: StoreBatch): OpenRun[] | string {
  if (!(nextOffset >= expectedOffset)) return "the next offset is below the expected one";
  const runs: OpenRun[] = [];
  const tenants = new Map<string, Map<string, OpenRun>>();
  let tenant: string | undefined;
  let open = new Map<string, OpenRun>();
  let offsetMin = expectedOffset;
  for (const event of events) {
    if (!(event.offset >= offsetMin && event.offset < nextOffset))
      return `offset ${event.offset} is out of order or outside of the batch`;
    offsetMin = event.offset + 1;
    if (event.tenant !== tenant) {
      tenant = event.tenant;
      open = tenants.get(tenant) ?? new Map<string, OpenRun>();
      tenants.set(tenant, open);
    }
    let run = open.get(event.conversation);
    // A hole in a conversation begins a run, which the writer then refuses.
    if (!run || !continues(run, event)) {
      const { conversation, epoch, seq } = event;
      run = { tenant: event.tenant, conversation, epoch, seqFirst: seq, events: [], chars: 0 };
      open.set(conversation, run);
      runs.push(run);
    }
    run.chars += event.event.length;
    run.events.push(event);
  }
  return runs;
}

function continues(run: OpenRun, event: PlacedEvent): boolean {
  return (
    run.epoch === event.epoch &&
    run.seqFirst + run.events.length === event.seq &&
    run.events.length < RUN_EVENTS_MAX &&
    run.chars + event.event.length <= RUN_CHARS_MAX
  );
}
