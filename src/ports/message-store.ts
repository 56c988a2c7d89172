import type { PackedRecord } from "../wire/packed-record.ts";

/** One of a topic's partitions. */
export interface PartitionId {
  readonly topic: string;
  readonly partition: number;
}

/** The end of a conversation: its epoch and the seq of its last event. */
export interface Head {
  readonly epoch: string;
  readonly seq: number;
}

/** A conversation's end and the first seq that is still kept (head + 1 when nothing is). */
export interface HeadRange extends Head {
  readonly floor: number;
}

/** What the store knows of a partition when a worker takes it. */
export interface PartitionState {
  /** This owner's number; every earlier owner's commits fail from now on. */
  readonly ownerEpoch: number;
  /** Undefined: nothing was ever stored. */
  readonly incarnation: string | undefined;
  readonly nextOffset: number;
  /** Id of the record at nextOffset − 1 as the log had it (`""` when it had none). */
  readonly lastId: string;
}

/** An event with its place, ready for rows. */
export interface PlacedEvent {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seq: number;
  readonly offset: number;
  readonly id: string;
  readonly fingerprint: string;
  /** The event's JSON text; one line. Kept and given back to the byte. */
  readonly event: string;
  /** The event's record, from a log that has bytes: then the texts above are made when asked for. */
  readonly packed?: PackedRecord;
}

/** Everything that one transaction moves for one partition. */
export interface StoreBatch extends PartitionId {
  readonly incarnation: string;
  readonly ownerEpoch: number;
  /** Must be the stored next offset, else the batch fails. */
  readonly expectedOffset: number;
  readonly nextOffset: number;
  readonly lastId: string;
  /** In offset order; seqs of a conversation follow each other. May be empty. */
  readonly events: readonly PlacedEvent[];
}

/** What is known of an id that was placed before. */
export interface IdEntry {
  readonly id: string;
  readonly fingerprint: string;
  readonly offset: number;
}

export interface StoredEvent {
  readonly seq: number;
  readonly event: string;
}

/** A page of a conversation, seqs rising without holes. */
export interface HistoryPage extends HeadRange {
  readonly events: readonly StoredEvent[];
}

export interface HistoryRange {
  readonly tenant: string;
  readonly conversation: string;
  /** First seq wanted. */
  readonly from: number;
  /** Last seq wanted. */
  readonly to: number;
  readonly eventsMax: number;
  /** Characters of events; at least one event comes if there is one. */
  readonly charsMax: number;
  /** `up`: the page starts at `from`; `down`: it ends at `to`. */
  readonly order: "up" | "down";
}

/** What other pools read: placed events without duplicates and refusals, in offset order. */
export type EventFeed = Pick<MessageStore, "feed" | "offsets">;

export interface FeedPage {
  /** In offset order. */
  readonly events: readonly PlacedEvent[];
  /** Read on from here; equal to the stored next offset at the end. */
  readonly nextOffset: number;
}

/**
 * Conversations' events with their place.
 *
 * - `commit` MUST apply all of a batch or nothing, and MUST check incarnation, owner epoch and
 *   expected offset in the same transaction: `fenced` for another owner, `offset_mismatch` for
 *   another offset. `row_refused` when the data itself is refused; `store_unavailable` or
 *   `disk_full` when it may work later; `unknown_outcome` when it may have been applied.
 * - After `commit` resolved, every read MUST see the batch.
 * - A commit may be lost in a crash of the machine only as a whole and only together with all
 *   later ones of its partition (the worker then repeats it from the log).
 * - Tenants MUST NOT see each other whatever the names are.
 */
export interface MessageStore {
  /** Raises the partition's owner epoch and returns its state. */
  acquire(partition: PartitionId): Promise<PartitionState>;
  /** Ids placed at `from` ≤ offset < next offset, in offset order. */
  window(partition: PartitionId, from: number): Promise<readonly IdEntry[]>;
  /** Heads of those conversations that have one, by name. */
  heads(tenant: string, conversations: readonly string[]): Promise<ReadonlyMap<string, HeadRange>>;
  /**
   * Which of these ids were placed in the partition, and where last: the same one that a worker
   * would have in memory, or its verdict would depend on what it has there.
   */
  findIds(partition: PartitionId, ids: readonly string[]): Promise<ReadonlyMap<string, IdEntry>>;
  commit(batch: StoreBatch): Promise<void>;
  /** A page; the head is of the same moment. Epoch "" and head 0 when there is no conversation. */
  history(range: HistoryRange): Promise<HistoryPage>;
  /** Placed events of a partition by offset: what other pools and a relay without backplane read. */
  feed(partition: PartitionId, from: number, eventsMax: number): Promise<FeedPage>;
  /** Stored next offset of each partition that has one. */
  offsets(): Promise<readonly (PartitionId & { readonly nextOffset: number })[]>;
  close(): Promise<void>;
}

/** What an operator accepts for a partition whose log is not the one that was stored. */
export interface AcceptedLoss extends PartitionId {
  /** From the acquisition that came before. */
  readonly ownerEpoch: number;
  /** The log's, as it is now. */
  readonly incarnation: string;
  /** Where placing goes on. */
  readonly nextOffset: number;
  /** Id of the log's record at nextOffset − 1, `""` when it has none. */
  readonly lastId: string;
}

/**
 * A store for a log that may lose: in the standalone mode log and store are in one folder, and an
 * operator restores both.
 *
 * `acceptLoss` MUST change the epoch of all conversations of the partition, in the transaction that
 * sets the offset, so that no reader goes on as if nothing was missing; seqs MUST go on after those
 * that are stored. Ids that were placed before offsets began again are not found any more.
 */
export interface LossAcceptingStore extends MessageStore {
  /**
   * @returns conversations whose epoch has changed
   * @throws fenced
   */
  acceptLoss(loss: AcceptedLoss): Promise<number>;
}

/** Which events of a partition are over. */
export interface Expiry {
  /** Undefined: those of every tenant. */
  readonly tenant?: string;
  /** What was stored earlier is over; milliseconds since 1970, by the store's clock. */
  readonly storedBefore: number;
  /** Batches of one step, which is one transaction. */
  readonly batchesMax: number;
  /** Offsets back from the end whose ids are kept, since verdicts depend on them. */
  readonly windowOffsets: number;
}

export interface Expired {
  /** Events that can no longer be read. */
  readonly events: number;
  /** When the oldest batch that is not over was stored; undefined when none was seen. */
  readonly oldestAt: number | undefined;
}

/** A store that removes what is over. */
export interface ExpiringStore extends MessageStore {
  /**
   * Removes events that are over, oldest first, in small transactions. Floors MUST rise with what is
   * removed, heads MUST stay, and ids within `windowOffsets` of the end MUST be found as before. Safe
   * while events are stored, and while other processes do the same.
   * @param pause called between two transactions; `false` ends it there
   * @throws store_unavailable; what was removed until then stays removed
   */
  expire(partition: PartitionId, expiry: Expiry, pause?: () => Promise<boolean>): Promise<Expired>;
}
