import type { Locate } from "../../src/chat/sequencer.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import type { MessageStore } from "../../src/ports/message-store.ts";
import type { Placement } from "./placed-range.ts";

const NONE: ReadonlySet<number> = new Set();

/**
 * Offsets of a batch whose events the store may have had and removed, as their time was over: they
 * are before all that it keeps of the partition, and their conversations' floors have risen. The log
 * may keep records for longer, as it lets go of whole segments.
 * @param events what the store has of the batch
 */
export async function findExpired(
  store: Pick<MessageStore, "heads" | "feed">,
  batch: RecordBatch,
  events: readonly Placement[],
  locate: Locate,
): Promise<ReadonlySet<number>> {
  if (events.length >= batch.records.length) return NONE;
  const placed = new Set(events.map(({ offset }) => offset));
  const missing = new Map<string, Map<string, number[]>>();
  batch.records.forEach(({ key }, i) => {
    const offset = batch.offsets[i] as number;
    const place = placed.has(offset) ? undefined : locate(key);
    if (place === undefined) return;
    let names = missing.get(place.tenant);
    if (names === undefined) missing.set(place.tenant, (names = new Map<string, number[]>()));
    const offsets = names.get(place.conversation);
    if (offsets === undefined) names.set(place.conversation, [offset]);
    else offsets.push(offset);
  });
  const suspects: number[] = [];
  for (const [tenant, names] of missing) {
    const heads = await store.heads(tenant, [...names.keys()]);
    for (const [name, offsets] of names)
      if ((heads.get(name)?.floor ?? 1) > 1) suspects.push(...offsets);
  }
  if (suspects.length === 0) return NONE;
  const kept = await firstKept(store, batch);
  return new Set(suspects.filter((offset) => offset < kept));
}

/** Offset of the first event that the store keeps, or any beyond the batch. */
async function firstKept(
  store: Pick<MessageStore, "feed">,
  { topic, partition, nextOffset }: RecordBatch,
): Promise<number> {
  for (let from = 0; from < nextOffset;) {
    const page = await store.feed({ topic, partition }, from, 1);
    const [first] = page.events;
    if (first !== undefined) return first.offset;
    if (page.nextOffset <= from) break;
    from = page.nextOffset;
  }
  return nextOffset;
}
