import { IMPORT_OFFSET_FIRST } from "../../src/chat/import-fold.ts";
import { AppError } from "../../src/errors.ts";
import { partitionOf } from "../../src/policy/partitioner.ts";
import type { ConversationHead, MovableStore } from "../../src/ports/message-import.ts";
import type { PlacedEvent } from "../../src/ports/message-store.ts";
import { recordKey } from "../../src/tenants.ts";
import type { ExportFile } from "./export-file.ts";
import type { Progress } from "./progress.ts";
import { storedOf, type LeavingTenant, type TransferSide } from "./side.ts";

const PAGE_EVENTS = 2_000;
const PAGE_CONVERSATIONS = 1_000;

interface Written {
  readonly number: number;
  readonly epoch: string;
  readonly first: number;
  seq: number;
}

/**
 * Writes all that the store has of a tenant at one moment: every partition up to the offset that
 * was stored then. What comes later is not in it.
 */
export async function exportTenant(
  side: TransferSide,
  tenant: LeavingTenant,
  file: ExportFile,
  progress: Progress,
): Promise<void> {
  const { name, plan, limits, placement } = tenant;
  const { topic, partitions } = placement;
  await side.settle(placement);
  const stored = await storedOf(side.store, topic);
  await file.write({ kind: "tenant", name, plan, limits });
  const written = new Map<string, Written>();
  let events = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const end = stored.get(partition) ?? 0;
    for (let from = IMPORT_OFFSET_FIRST; from < end;) {
      const page = await side.store.feed({ topic, partition }, from, PAGE_EVENTS);
      for (const event of page.events) {
        if (event.tenant !== name || event.offset >= end) continue;
        await writeEvent(file, written, event);
        progress.show(name, ++events);
      }
      if (page.nextOffset <= from) break;
      from = page.nextOffset;
    }
  }
  await writeRest(side, tenant, stored, file, written);
  await file.write({ kind: "totals", conversations: written.size, events });
  progress.done(name, events, written.size);
}

async function writeEvent(
  file: ExportFile,
  written: Map<string, Written>,
  { conversation: name, epoch, seq, id, fingerprint, event }: PlacedEvent,
): Promise<void> {
  let conversation = written.get(name);
  if (conversation === undefined) {
    conversation = { number: written.size, epoch, first: seq, seq: seq - 1 };
    written.set(name, conversation);
    await file.write({ kind: "conversation", name, epoch, seqFirst: seq });
  }
  if (conversation.epoch !== epoch || conversation.seq + 1 !== seq) throw changed(name);
  conversation.seq = seq;
  const { number } = conversation;
  await file.write({ kind: "event", conversation: number, seq, id, fingerprint, event });
}

/** Conversations of which no event is kept; and whether all others are whole. */
async function writeRest(
  { store }: TransferSide,
  tenant: LeavingTenant,
  stored: ReadonlyMap<number, number>,
  file: ExportFile,
  written: Map<string, Written>,
): Promise<void> {
  for (let after = ""; ;) {
    const page = await store.conversations(tenant.name, after, PAGE_CONVERSATIONS);
    for (const head of page) {
      const { conversation: name, epoch, seq, floor } = head;
      const known = written.get(name);
      if (known !== undefined) {
        if (known.epoch !== epoch || known.first > floor) throw changed(name);
      } else if (floor > seq) {
        written.set(name, { number: written.size, epoch, first: floor, seq });
        await file.write({ kind: "conversation", name, epoch, seqFirst: floor });
      } else if (!(await hasBegunSince(store, tenant, stored, head))) throw changed(name);
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.conversation;
  }
}

/** Whether all of a conversation stands behind what is exported. */
async function hasBegunSince(
  store: MovableStore,
  { name: tenant, placement }: LeavingTenant,
  stored: ReadonlyMap<number, number>,
  { conversation, floor }: ConversationHead,
): Promise<boolean> {
  const one = { from: floor, to: floor, eventsMax: 1, charsMax: 1, order: "up" } as const;
  const { events } = await store.history({ tenant, conversation, ...one });
  const { id } = JSON.parse(events[0]?.event ?? "{}") as { readonly id?: string };
  if (id === undefined) return false;
  const key = recordKey(placement, tenant, conversation);
  const partition = partitionOf(key, placement.partitions);
  const found = await store.findIds({ topic: placement.topic, partition }, [id]);
  const offset = found.get(id)?.offset;
  return offset !== undefined && offset >= (stored.get(partition) ?? 0);
}

function changed(conversation: string): AppError {
  return new AppError(
    "store_unavailable",
    `not all messages of ${JSON.stringify(conversation)} can be exported: they expired meanwhile, and another export will go through, or an accepted loss took their place in the log from them`,
  );
}
