import type { ImportedRun } from "../../chat/import-fold.ts";
import { AppError } from "../../errors.ts";
import type {
  ConversationHead,
  ImportTotals,
  MovableStore,
  TenantImport,
} from "../../ports/message-import.ts";
import type {
  FeedPage,
  HeadRange,
  HistoryPage,
  HistoryRange,
  IdEntry,
  PartitionId,
  PartitionState,
  StoreBatch,
} from "../../ports/message-store.ts";
import { MemoryStoreData } from "./message-store-data.ts";

/** A call of the store, as the fault hooks see it. */
export type StoreOperation = Exclude<keyof MovableStore, "close">;

/**
 * Where a test or the simulation reaches in. What a hook throws becomes the outcome of the call;
 * what it awaits delays it. `after` runs when the call has taken effect.
 */
export interface StoreFaults {
  before?(operation: StoreOperation): Promise<void> | void;
  after?(operation: StoreOperation): Promise<void> | void;
}

/**
 * The reference store. Each call takes effect in one synchronous step, so that a seeded run repeats
 * itself; the data may outlive the store, as a disk outlives a process.
 */
export class MemoryMessageStore implements MovableStore {
  readonly data: MemoryStoreData;
  readonly #faults: StoreFaults;
  #planned: { readonly error: AppError; readonly when: "before" | "after" } | undefined;
  #closed = false;

  constructor(data: MemoryStoreData = new MemoryStoreData(), faults: StoreFaults = {}) {
    this.data = data;
    this.#faults = faults;
  }

  /** The next commit rejects with `error`, `before` it is applied or `after` it was. */
  failNextCommit(error: AppError, when: "before" | "after"): void {
    this.#planned = { error, when };
  }

  acquire(partition: PartitionId): Promise<PartitionState> {
    return this.#run("acquire", () => this.data.acquire(partition));
  }

  window(partition: PartitionId, from: number): Promise<readonly IdEntry[]> {
    return this.#run("window", () => this.data.window(partition, from));
  }

  heads(tenant: string, conversations: readonly string[]): Promise<ReadonlyMap<string, HeadRange>> {
    return this.#run("heads", () => this.data.heads(tenant, conversations));
  }

  findIds(partition: PartitionId, ids: readonly string[]): Promise<ReadonlyMap<string, IdEntry>> {
    return this.#run("findIds", () => this.data.findIds(partition, ids));
  }

  async commit(batch: StoreBatch): Promise<void> {
    const planned = this.#planned;
    this.#planned = undefined;
    if (planned?.when === "before") throw planned.error;
    await this.#run("commit", () => this.data.commit(batch));
    if (planned?.when === "after") throw planned.error;
  }

  history(range: HistoryRange): Promise<HistoryPage> {
    return this.#run("history", () => this.data.history(range));
  }

  feed(partition: PartitionId, from: number, eventsMax: number): Promise<FeedPage> {
    return this.#run("feed", () => this.data.feed(partition, from, eventsMax));
  }

  offsets(): Promise<readonly (PartitionId & { readonly nextOffset: number })[]> {
    return this.#run("offsets", () => this.data.offsets());
  }

  conversations(tenant: string, after: string, max: number): Promise<readonly ConversationHead[]> {
    return this.#run("conversations", () => this.data.conversations(tenant, after, max));
  }

  async importTenant({ runs, ...target }: TenantImport): Promise<ImportTotals> {
    const all: ImportedRun[] = [];
    for await (const some of runs) all.push(...some);
    return this.#run("importTenant", () => this.data.importTenant({ ...target, runs: all }));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  async #run<Result>(operation: StoreOperation, effect: () => Result): Promise<Result> {
    if (this.#closed) throw new AppError("closed");
    await this.#faults.before?.(operation);
    const result = effect();
    await this.#faults.after?.(operation);
    return result;
  }
}
