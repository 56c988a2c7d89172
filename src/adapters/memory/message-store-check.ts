import type { PlacedEvent, StoreBatch } from "../../ports/message-store.ts";

/** Printable ASCII without space, quote and backslash: the same inside of JSON as outside. */
const TOKEN = /^[!#-[\]-~]+$/;

/**
 * Why a store refuses the batch by itself (`row_refused`), or undefined. Stores keep text as
 * UTF-8 and events as lines; what neither can hold must be refused aloud, not changed in silence.
 * Whether a seq follows the stored head is for the store to check.
 */
export function storeBatchFault(batch: StoreBatch): string | undefined {
  if (!(batch.nextOffset >= batch.expectedOffset))
    return "the next offset is below the expected one";
  let offsetMin = batch.expectedOffset;
  for (const event of batch.events) {
    if (!(event.offset >= offsetMin && event.offset < batch.nextOffset))
      return `offset ${event.offset} is out of order or outside of the batch`;
    offsetMin = event.offset + 1;
    const fault = placedEventFault(event);
    if (fault !== undefined) return `the event at offset ${event.offset} ${fault}`;
  }
  return undefined;
}

/** What is wrong with one event, apart from its place. */
export function placedEventFault(event: PlacedEvent): string | undefined {
  if (!Number.isSafeInteger(event.seq) || event.seq < 1) return "has no seq";
  if (!TOKEN.test(event.id)) return "has an id that is no token";
  if (!TOKEN.test(event.fingerprint)) return "has a fingerprint that is no token";
  if (event.event.includes("\n")) return "has a line break";
  if (!event.event.isWellFormed()) return "has a lone surrogate";
  if (!event.conversation.isWellFormed() || !event.tenant.isWellFormed())
    return "has a name with a lone surrogate";
  if (event.epoch.length === 0 || !event.epoch.isWellFormed()) return "has no epoch";
  return undefined;
}
