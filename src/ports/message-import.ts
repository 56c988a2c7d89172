import type { ImportedRun } from "../chat/import-fold.ts";
import type { HeadRange, MessageStore } from "./message-store.ts";

/** A conversation with its end. */
export interface ConversationHead extends HeadRange {
  readonly conversation: string;
}

/** All of a tenant, on its way from another store. */
export interface TenantImport {
  readonly tenant: string;
  /** Where its records will be, and the number of partitions. */
  readonly topic: string;
  readonly partitions: number;
  /** Runs of a conversation in the order of their seqs. What this throws ends the import. */
  readonly runs: AsyncIterable<readonly ImportedRun[]>;
}

export interface ImportTotals {
  readonly conversations: number;
  readonly events: number;
}

/**
 * A store that tenants can leave and come to (docs/adr/0010-moving.md).
 *
 * - `importTenant` MUST be all or nothing, a crash in the middle included, and MUST NOT take a
 *   tenant that has a conversation already (`invalid_command`). Until it resolves nothing of it can
 *   be read.
 * - It MUST raise the owner epoch of every partition of the topic in the step that makes the events
 *   visible: a worker that looked before, and took a conversation for new, cannot store any more.
 * - Imported events MUST have offsets from `IMPORT_OFFSET_FIRST` on that are all below 0, rising in
 *   each partition, and MUST NOT move the partition's next offset or its incarnation, nor come in a
 *   window or feed that begins at 0 or later. `findIds` MUST find them where nothing later has
 *   their id; a feed from `IMPORT_OFFSET_FIRST` gives them.
 */
export interface MovableStore extends MessageStore {
  /** The tenant's conversations behind `after` (`""`: from the first) in an order of the store's. */
  conversations(tenant: string, after: string, max: number): Promise<readonly ConversationHead[]>;
  /** @throws row_refused; what the store throws otherwise */
  importTenant(tenant: TenantImport): Promise<ImportTotals>;
}
