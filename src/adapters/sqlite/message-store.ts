import { join } from "node:path";
import { AppError, ERROR_TABLE } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
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
import type { Telemetry } from "../../ports/telemetry.ts";
import type { DatabaseOptions } from "./database.ts";
import { encodeBatch } from "./store-batch.ts";
import { CommitQueue } from "./store-commit-queue.ts";
import { importTenant } from "./store-import.ts";
import { decodeFeed, decodeHeads, decodeHistory, decodeWindow } from "./store-page.ts";
import type { ReaderApi } from "./store-reader-thread.ts";
import { StoreTelemetry } from "./store-telemetry.ts";
import type { WriterApi, WriterOptions } from "./store-writer-thread.ts";
import { Thread } from "./thread.ts";

const MiB = 1024 * 1024;

export interface SqliteMessageStoreOptions {
  /** Folder of the file; made if it is not there. */
  readonly folder: string;
  readonly limits: Pick<Limits, "storeReadsPendingMax">;
  readonly telemetry: Telemetry;
  /** Smaller values for tests. */
  readonly tuning?: Partial<StoreTuning>;
}

export interface StoreTuning {
  readonly writerCacheBytes: number;
  readonly readerCacheBytes: number;
  readonly conversationsMax: number;
  readonly checkpointBytes: number;
  readonly checkpointIdleMs: number;
  readonly pagesMax: number | undefined;
}

const TUNING: StoreTuning = {
  writerCacheBytes: 64 * MiB,
  readerCacheBytes: 32 * MiB,
  conversationsMax: 100_000,
  checkpointBytes: 4 * MiB,
  checkpointIdleMs: 1_000,
  pagesMax: undefined,
};

/**
 * The standalone store: one file, a thread that writes it and a thread that reads it.
 *
 * `synchronous=NORMAL`: a commit is in the write-ahead log but not flushed. After a loss of power
 * SQLite keeps the log up to the first frame whose checksum, which runs over all frames before it,
 * is wrong; the file itself never has a page that the flushed log lacks. So what is lost is a suffix
 * of all commits, and the workers place it again from the event log, which is flushed.
 *
 * @throws store_unavailable, disk_full
 */
export async function openSqliteMessageStore(
  options: SqliteMessageStoreOptions,
): Promise<SqliteMessageStore> {
  const tuning = { ...TUNING, ...options.tuning };
  const path = join(options.folder, "store.sqlite");
  const { pagesMax, conversationsMax, checkpointBytes, checkpointIdleMs } = tuning;
  const telemetry = new StoreTelemetry(options.telemetry);
  const writer = new Thread<WriterApi>(
    new URL("./store-writer-thread.ts", import.meta.url),
    (why) => telemetry.died("writer", why),
  );
  const reader = new Thread<ReaderApi>(
    new URL("./store-reader-thread.ts", import.meta.url),
    (why) => telemetry.died("reader", why),
  );
  try {
    const common = { path, synchronous: "NORMAL" } as const;
    const database: DatabaseOptions = { ...common, cacheBytes: tuning.writerCacheBytes };
    const writerOptions: WriterOptions = {
      database: pagesMax === undefined ? database : { ...database, pagesMax },
      conversationsMax,
      checkpointBytes,
      checkpointIdleMs,
    };
    await writer.call("open", [writerOptions]);
    await reader.call("open", [{ ...common, cacheBytes: tuning.readerCacheBytes, readOnly: true }]);
  } catch (error) {
    await Promise.all([writer.end(), reader.end()]);
    throw error;
  }
  return new SqliteMessageStore(writer, reader, telemetry, options.limits.storeReadsPendingMax);
}

/** See {@link openSqliteMessageStore}. */
export class SqliteMessageStore implements MovableStore {
  readonly #writer: Thread<WriterApi>;
  readonly #reader: Thread<ReaderApi>;
  readonly #commits: CommitQueue;
  readonly #telemetry: StoreTelemetry;
  readonly #readsPendingMax: number;
  #closing: Promise<void> | undefined;

  constructor(
    writer: Thread<WriterApi>,
    reader: Thread<ReaderApi>,
    telemetry: StoreTelemetry,
    readsPendingMax: number,
  ) {
    this.#writer = writer;
    this.#reader = reader;
    this.#telemetry = telemetry;
    this.#readsPendingMax = readsPendingMax;
    this.#commits = new CommitQueue(writer, telemetry);
    telemetry.watchReads(() => reader.pending);
  }

  async acquire(partition: PartitionId): Promise<PartitionState> {
    this.#mustBeOpen();
    return this.#writer.call("acquire", [
      { topic: partition.topic, partition: partition.partition },
    ]);
  }

  async commit(batch: StoreBatch): Promise<void> {
    this.#mustBeOpen();
    const encoded = encodeBatch(batch, this.#commits.spare());
    if (typeof encoded === "string")
      throw new AppError("row_refused", `${ERROR_TABLE.row_refused.message}: ${encoded}`);
    await this.#commits.push(encoded, batch.events.length);
  }

  async window(partition: PartitionId, from: number): Promise<readonly IdEntry[]> {
    const { topic, partition: number } = partition;
    return decodeWindow(await this.#read("window", [{ topic, partition: number }, from]));
  }

  async heads(
    tenant: string,
    conversations: readonly string[],
  ): Promise<ReadonlyMap<string, HeadRange>> {
    return decodeHeads(await this.#read("heads", [tenant, conversations]));
  }

  async findIds(
    partition: PartitionId,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, IdEntry>> {
    const { topic, partition: number } = partition;
    const entries = await this.#read("findIds", [{ topic, partition: number }, ids]);
    return new Map(entries.map((entry) => [entry.id, entry]));
  }

  async history(range: HistoryRange): Promise<HistoryPage> {
    return decodeHistory(await this.#read("history", [range]));
  }

  async feed(partition: PartitionId, from: number, eventsMax: number): Promise<FeedPage> {
    const { topic, partition: number } = partition;
    const runs = await this.#read("feed", [{ topic, partition: number }, from, eventsMax]);
    return decodeFeed(runs, from, eventsMax);
  }

  async offsets(): Promise<readonly (PartitionId & { readonly nextOffset: number })[]> {
    return this.#read("offsets", []);
  }

  async conversations(
    tenant: string,
    after: string,
    max: number,
  ): Promise<readonly ConversationHead[]> {
    return this.#read("conversations", [tenant, after, max]);
  }

  async importTenant(tenant: TenantImport): Promise<ImportTotals> {
    this.#mustBeOpen();
    return importTenant(this.#writer, tenant);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await this.#commits.settled();
    // The reader goes first: the last checkpoint then finds nobody in the write-ahead log.
    try {
      if (!this.#reader.isDead) await this.#reader.call("close", []);
      if (!this.#writer.isDead) await this.#writer.call("close", []);
    } finally {
      await Promise.all([this.#reader.end(), this.#writer.end()]);
    }
  }

  async #read<Method extends Exclude<keyof ReaderApi, "open" | "close">>(
    method: Method,
    args: Parameters<ReaderApi[Method]>,
  ): Promise<ReturnType<ReaderApi[Method]>> {
    this.#mustBeOpen();
    if (this.#reader.pending >= this.#readsPendingMax)
      throw new AppError("overloaded", "Too many reads wait for the store");
    const started = performance.now();
    const result = await this.#reader.call(method, args);
    this.#telemetry.read(method, performance.now() - started);
    return result;
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new AppError("closed");
  }
}
