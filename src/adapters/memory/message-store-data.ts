import {
  IMPORT_OFFSET_FIRST,
  ImportFold,
  type ImportedBatch,
  type ImportedRun,
} from "../../chat/import-fold.ts";
import { AppError } from "../../errors.ts";
import type { ConversationHead, ImportTotals, TenantImport } from "../../ports/message-import.ts";
import type {
  FeedPage,
  HeadRange,
  HistoryPage,
  HistoryRange,
  IdEntry,
  PartitionId,
  PartitionState,
  PlacedEvent,
  StoreBatch,
} from "../../ports/message-store.ts";
import { placedEventFault, storeBatchFault } from "./message-store-check.ts";

interface Partition extends PartitionId {
  ownerEpoch: number;
  incarnation: string | undefined;
  nextOffset: number;
  lastId: string;
  readonly events: PlacedEvent[];
  readonly lastById: Map<string, IdEntry>;
}

interface Conversation {
  epoch: string;
  floor: number;
  /** The event of seq `floor + i` at index i. */
  events: PlacedEvent[];
}

/** What an import takes, all of it in hand. */
interface CollectedImport extends Omit<TenantImport, "runs"> {
  readonly runs: readonly ImportedRun[];
}

type Step =
  | { readonly acquired: PartitionId }
  | { readonly committed: StoreBatch }
  | { readonly imported: CollectedImport };

/** What a store keeps, apart from who reads it. Every method is one step. */
export class MemoryStoreData {
  #partitions = new Map<string, Partition>();
  #tenants = new Map<string, Map<string, Conversation>>();
  #steps: Step[] = [];

  /** Forgets the last `commits` commits and all that came after them, like a crash of the machine. */
  rewind(commits: number): void {
    const steps = this.#steps;
    let keep = steps.length;
    for (let left = commits; left > 0 && keep > 0; keep--)
      if ("committed" in (steps[keep - 1] as Step)) left--;
    this.#partitions = new Map();
    this.#tenants = new Map();
    this.#steps = [];
    for (const step of steps.slice(0, keep)) {
      if ("acquired" in step) this.acquire(step.acquired);
      else if ("committed" in step) this.commit(step.committed);
      else this.importTenant(step.imported);
    }
  }

  acquire(id: PartitionId): PartitionState {
    this.#steps.push({ acquired: id });
    const name = partitionName(id);
    let partition = this.#partitions.get(name);
    if (!partition) {
      partition = {
        topic: id.topic,
        partition: id.partition,
        ownerEpoch: 0,
        incarnation: undefined,
        nextOffset: 0,
        lastId: "",
        events: [],
        lastById: new Map(),
      };
      this.#partitions.set(name, partition);
    }
    partition.ownerEpoch++;
    const { ownerEpoch, incarnation, nextOffset, lastId } = partition;
    return { ownerEpoch, incarnation, nextOffset, lastId };
  }

  commit(batch: StoreBatch): void {
    const partition = this.#partitions.get(partitionName(batch));
    if (!partition || partition.ownerEpoch !== batch.ownerEpoch) throw new AppError("fenced");
    if (partition.incarnation !== undefined && partition.incarnation !== batch.incarnation)
      throw new AppError("topic_recreated");
    if (partition.nextOffset !== batch.expectedOffset)
      throw new AppError(
        "offset_mismatch",
        `The stored offset is ${partition.nextOffset}, not ${batch.expectedOffset}`,
      );
    const fault = storeBatchFault(batch) ?? this.#seqFault(batch.events);
    if (fault !== undefined) throw new AppError("row_refused", `The store refuses a row: ${fault}`);
    partition.incarnation = batch.incarnation;
    partition.nextOffset = batch.nextOffset;
    partition.lastId = batch.lastId;
    for (const event of batch.events) this.#keep(partition, event);
    this.#steps.push({ committed: batch });
  }

  #seqFault(events: readonly PlacedEvent[]): string | undefined {
    const ends = new Map<string, { epoch: string; seq: number }>();
    for (const event of events) {
      const name = JSON.stringify([event.tenant, event.conversation]);
      const end = ends.get(name) ?? headOf(this.#conversation(event.tenant, event.conversation));
      if (end?.epoch === event.epoch && event.seq !== end.seq + 1)
        return `seq ${event.seq} at offset ${event.offset} does not follow ${end.seq}`;
      ends.set(name, { epoch: event.epoch, seq: event.seq });
    }
    return undefined;
  }

  #keep(partition: Partition, event: PlacedEvent): void {
    partition.events.push(event);
    partition.lastById.set(event.id, idEntry(event));
    let conversations = this.#tenants.get(event.tenant);
    if (!conversations)
      this.#tenants.set(event.tenant, (conversations = new Map<string, Conversation>()));
    const conversation = conversations.get(event.conversation);
    if (conversation?.epoch === event.epoch) conversation.events.push(event);
    else
      conversations.set(event.conversation, {
        epoch: event.epoch,
        floor: event.seq,
        events: [event],
      });
  }

  /** Checks all before it changes anything. */
  importTenant(all: CollectedImport): ImportTotals {
    const { tenant, topic, partitions } = all;
    if ((this.#tenants.get(tenant)?.size ?? 0) > 0)
      throw new AppError("invalid_command", `${tenant} has messages already`);
    const ids = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
    const free = ids.map((id) => {
      const imported = this.#partitions.get(partitionName(id))?.events.filter(isImported);
      return (imported?.at(-1)?.offset ?? IMPORT_OFFSET_FIRST - 1) + 1;
    });
    const fold = new ImportFold(tenant, free);
    const batches = fold.fold(all.runs);
    for (const batch of batches)
      for (const event of batch.events) {
        const fault = placedEventFault(event);
        if (fault !== undefined)
          throw new AppError("row_refused", `The store refuses a row: ${fault}`);
      }
    for (const id of ids) {
      this.acquire(id);
      this.#steps.pop();
    }
    const conversations = new Map<string, Conversation>();
    for (const [name, { epoch, floor }] of fold.conversations)
      conversations.set(name, { epoch, floor, events: [] });
    this.#tenants.set(tenant, conversations);
    for (const batch of batches) this.#keepImported(topic, batch);
    this.#steps.push({ imported: all });
    return { conversations: conversations.size, events: fold.events };
  }

  #keepImported(topic: string, { partition: number, events }: ImportedBatch): void {
    const partition = this.#partitions.get(
      partitionName({ topic, partition: number }),
    ) as Partition;
    const { events: all, lastById } = partition;
    const at = all.findIndex((event) => !isImported(event));
    all.splice(at < 0 ? all.length : at, 0, ...events);
    for (const event of events) {
      if ((lastById.get(event.id)?.offset ?? event.offset) <= event.offset)
        lastById.set(event.id, idEntry(event));
      this.#conversation(event.tenant, event.conversation)?.events.push(event);
    }
  }

  conversations(tenant: string, after: string, max: number): readonly ConversationHead[] {
    const names = [...(this.#tenants.get(tenant)?.keys() ?? [])].filter((name) => name > after);
    return names
      .toSorted()
      .slice(0, max)
      .flatMap((conversation) => {
        const head = headOf(this.#conversation(tenant, conversation));
        return head === undefined ? [] : [{ conversation, ...head }];
      });
  }

  window(id: PartitionId, from: number): readonly IdEntry[] {
    const events = this.#partitions.get(partitionName(id))?.events ?? [];
    return events.filter((event) => event.offset >= from).map(idEntry);
  }

  heads(tenant: string, conversations: readonly string[]): ReadonlyMap<string, HeadRange> {
    const found = new Map<string, HeadRange>();
    for (const name of conversations) {
      const head = headOf(this.#conversation(tenant, name));
      if (head) found.set(name, head);
    }
    return found;
  }

  findIds(id: PartitionId, ids: readonly string[]): ReadonlyMap<string, IdEntry> {
    const found = new Map<string, IdEntry>();
    const lastById = this.#partitions.get(partitionName(id))?.lastById;
    for (const wanted of ids) {
      const entry = lastById?.get(wanted);
      if (entry) found.set(wanted, entry);
    }
    return found;
  }

  history(range: HistoryRange): HistoryPage {
    const conversation = this.#conversation(range.tenant, range.conversation);
    const head = headOf(conversation);
    if (!conversation || !head) return { epoch: "", seq: 0, floor: 1, events: [] };
    const first = Math.max(range.from, head.floor);
    const last = Math.min(range.to, head.seq);
    const events: { seq: number; event: string }[] = [];
    const step = range.order === "up" ? 1 : -1;
    let chars = 0;
    for (let seq = step > 0 ? first : last; seq >= first && seq <= last; seq += step) {
      const text = (conversation.events[seq - head.floor] as PlacedEvent).event;
      chars += text.length;
      if (events.length >= range.eventsMax || (events.length > 0 && chars > range.charsMax)) break;
      events.push({ seq, event: text });
    }
    if (step < 0) events.reverse();
    return { ...head, events };
  }

  feed(id: PartitionId, from: number, eventsMax: number): FeedPage {
    const partition = this.#partitions.get(partitionName(id));
    if (!partition) return { events: [], nextOffset: from };
    const all = partition.events.filter((event) => event.offset >= from);
    const events = all.slice(0, eventsMax);
    const cut = all[eventsMax - 1];
    const nextOffset =
      all.length > eventsMax && cut ? cut.offset + 1 : Math.max(from, partition.nextOffset);
    return { events, nextOffset };
  }

  offsets(): readonly (PartitionId & { readonly nextOffset: number })[] {
    return [...this.#partitions.values()]
      .filter(({ incarnation }) => incarnation !== undefined)
      .map(({ topic, partition, nextOffset }) => ({ topic, partition, nextOffset }));
  }

  #conversation(tenant: string, name: string): Conversation | undefined {
    return this.#tenants.get(tenant)?.get(name);
  }
}

function isImported({ offset }: PlacedEvent): boolean {
  return offset < 0;
}

function partitionName(id: PartitionId): string {
  return `${id.partition} ${id.topic}`;
}

function headOf(conversation: Conversation | undefined): HeadRange | undefined {
  if (!conversation) return undefined;
  const { epoch, floor, events } = conversation;
  return { epoch, seq: floor + events.length - 1, floor };
}

function idEntry({ id, fingerprint, offset }: PlacedEvent): IdEntry {
  return { id, fingerprint, offset };
}
