import { IMPORT_OFFSET_FIRST } from "../../chat/import-fold.ts";
import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type {
  ConversationHead,
  ImportTotals,
  MovableStore,
  TenantImport,
} from "../../ports/message-import.ts";
import type {
  AcceptedLoss,
  Expired,
  Expiry,
  ExpiringStore,
  FeedPage,
  HeadRange,
  HistoryPage,
  HistoryRange,
  IdEntry,
  LossAcceptingStore,
  PartitionId,
  PartitionState,
  StoreBatch,
} from "../../ports/message-store.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { PostgresDatabase, type PostgresOptions, type PostgresSession } from "./database.ts";
import { CommitQueue } from "./store-commit-queue.ts";
import { readConversations, readHeads, readHistory } from "./store-history.ts";
import { StoreIdIndex } from "./store-id-index.ts";
import { searchIds } from "./store-id-search.ts";
import { importTenant } from "./store-import.ts";
import { applyLoss, LOSS_TIMEOUT_MS } from "./store-loss.ts";
import {
  acquirePartition,
  endFrozenHolders,
  readFeed,
  readOffsets,
  readPlace,
  readWindow,
} from "./store-place.ts";
import { type ExpiryPosition, type ExpiryStep, expireStep, readPlaces } from "./store-retention.ts";
import { encodeBatch } from "./store-run.ts";
import { StoreTelemetry } from "./store-telemetry.ts";
import { rowRefused, StoreTransaction } from "./store-transaction.ts";

export interface PostgresMessageStoreOptions extends Omit<
  PostgresOptions,
  "connectionsMax" | "waitingMax"
> {
  /** The Kafka cluster that offsets belong to; two of them may share a database. */
  readonly cluster: string;
  /** Connections that commit; each transaction takes the batches that wait. */
  readonly writeConnectionsMax: number;
  /** Connections that read: they do not take those of commits. */
  readonly readConnectionsMax: number;
  readonly limits: Pick<Limits, "storeReadsPendingMax" | "storeBatchEventsMax">;
  readonly telemetry: Telemetry;
  /** Smaller values for tests. */
  readonly tuning?: Partial<StoreTuning>;
}

export interface StoreTuning {
  /** Conversations whose end the writer keeps in memory. */
  readonly conversationsMax: number;
  /** Seconds of a partition whose ids the writer has counted. */
  readonly secondsMax: number;
}

const TUNING: StoreTuning = { conversationsMax: 200_000, secondsMax: 100_000 };
/** Acquisitions that wait for one of the connections that commit. */
const WRITES_WAITING_MAX = 10_000;
/**
 * Every statement is written for its indexes. The planner guesses the size of an array as ten and of
 * a page as all of a table, and would at times read all of `runs` for one page.
 */
const PLANNER = {
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
} as const;
/**
 * An acquisition that waits longer looks for a session that holds the partition's row and does
 * nothing with it for as long: whoever acquires has deposed its owner already.
 */
const HOLDER_IDLE_MS = 1_000;
/** Statements of a commit, each within the statement's time. */
const COMMIT_STATEMENTS = 4;

/**
 * The cluster mode's store. The database must be migrated.
 *
 * `synchronous_commit` stays as the server has it (on): a commit that resolved is on its disk.
 * @throws store_unavailable
 */
export async function openPostgresMessageStore(
  options: PostgresMessageStoreOptions,
): Promise<PostgresMessageStore> {
  const common = { ...options, settings: { ...options.settings, ...PLANNER } };
  const writer = new PostgresDatabase({
    ...common,
    connectionsMax: options.writeConnectionsMax,
    waitingMax: WRITES_WAITING_MAX,
  });
  const reader = new PostgresDatabase({
    ...common,
    connectionsMax: options.readConnectionsMax,
    waitingMax: options.limits.storeReadsPendingMax,
  });
  try {
    const [row]: [{ seed: number }] = await reader.use(
      (session) => session`SELECT hash_seed::float8 AS seed FROM store_settings`,
    );
    return new PostgresMessageStore(options, writer, reader, row.seed);
  } catch (error) {
    await Promise.all([writer.close(), reader.close()]);
    throw error;
  }
}

/** See {@link openPostgresMessageStore}. */
export class PostgresMessageStore implements LossAcceptingStore, MovableStore, ExpiringStore {
  readonly #cluster: string;
  readonly #writer: PostgresDatabase;
  readonly #reader: PostgresDatabase;
  readonly #ids: StoreIdIndex;
  readonly #commits: CommitQueue;
  readonly #telemetry: StoreTelemetry;
  #closing: Promise<void> | undefined;

  constructor(
    options: PostgresMessageStoreOptions,
    writer: PostgresDatabase,
    reader: PostgresDatabase,
    hashSeed: number,
  ) {
    const { conversationsMax, secondsMax } = { ...TUNING, ...options.tuning };
    this.#cluster = options.cluster;
    this.#writer = writer;
    this.#reader = reader;
    this.#telemetry = new StoreTelemetry(options.telemetry);
    this.#ids = new StoreIdIndex(hashSeed, secondsMax);
    const transaction = new StoreTransaction({
      database: writer,
      cluster: options.cluster,
      ids: this.#ids,
      conversationsMax,
      deadlineMs: options.statementTimeoutMs * COMMIT_STATEMENTS,
    });
    this.#commits = new CommitQueue({
      transaction,
      telemetry: this.#telemetry,
      transactionsMax: options.writeConnectionsMax,
      eventsMax: options.limits.storeBatchEventsMax,
    });
    this.#telemetry.watchPool("write", writer);
    this.#telemetry.watchPool("read", reader);
    this.#telemetry.watchConversations(transaction.ends);
  }

  /** Random, of the hash of ids: who hashes them by the same one spares the store doing it again. */
  get idHashSeed(): number {
    return this.#ids.seed;
  }

  async acquire(partition: PartitionId): Promise<PartitionState> {
    this.#mustBeOpen();
    return this.#writer.use(async (session) => {
      // Begun with the connection in hand: who waits for one waits for no row yet.
      const relief = setInterval(() => void this.#relieve(partition), HOLDER_IDLE_MS);
      try {
        return await acquirePartition(session, this.#cluster, partition);
      } finally {
        clearInterval(relief);
      }
    });
  }

  /** A worker that froze in the middle of a commit must not keep its partitions from the next. */
  async #relieve(partition: PartitionId): Promise<void> {
    try {
      const ended = await this.#reader.use((session) =>
        endFrozenHolders(session, this.#cluster, partition, HOLDER_IDLE_MS),
      );
      this.#telemetry.ended(partition, ended);
    } catch {
      // The acquisition itself tells why the database does not answer.
    }
  }

  async commit(batch: StoreBatch): Promise<void> {
    this.#mustBeOpen();
    const encoded = encodeBatch(batch, this.#ids.seed);
    if (typeof encoded === "string") throw rowRefused(encoded);
    await this.#commits.push(encoded);
    // Not after a failure: nobody knows then what still reads it.
    encoded.release();
  }

  async window(partition: PartitionId, from: number): Promise<readonly IdEntry[]> {
    return this.#read("window", async (session) => {
      const place = await readPlace(session, this.#cluster, partition);
      return place === undefined ? [] : readWindow(session, place, from);
    });
  }

  async heads(
    tenant: string,
    conversations: readonly string[],
  ): Promise<ReadonlyMap<string, HeadRange>> {
    return this.#read("heads", (session) => readHeads(session, tenant, conversations));
  }

  async findIds(
    partition: PartitionId,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, IdEntry>> {
    return this.#read("findIds", async (session) => {
      const place = await readPlace(session, this.#cluster, partition);
      return place === undefined ? new Map() : searchIds(session, this.#ids, place, ids);
    });
  }

  async history(range: HistoryRange): Promise<HistoryPage> {
    return this.#read("history", (session) => readHistory(session, range));
  }

  async feed(partition: PartitionId, from: number, eventsMax: number): Promise<FeedPage> {
    return this.#read("feed", async (session) => {
      const place = await readPlace(session, this.#cluster, partition);
      return place === undefined
        ? { events: [], nextOffset: from }
        : readFeed(session, place, from, eventsMax);
    });
  }

  async offsets(): Promise<readonly (PartitionId & { readonly nextOffset: number })[]> {
    return this.#read("offsets", (session) => readOffsets(session, this.#cluster));
  }

  async conversations(
    tenant: string,
    after: string,
    max: number,
  ): Promise<readonly ConversationHead[]> {
    return this.#read("conversations", (session) => readConversations(session, tenant, after, max));
  }

  async importTenant(tenant: TenantImport): Promise<ImportTotals> {
    this.#mustBeOpen();
    const parts = { database: this.#writer, cluster: this.#cluster, ids: this.#ids };
    return importTenant(parts, tenant);
  }

  async acceptLoss(loss: AcceptedLoss): Promise<number> {
    this.#mustBeOpen();
    return this.#writer.transaction((session) => applyLoss(session, this.#cluster, loss), {
      deadlineMs: LOSS_TIMEOUT_MS,
    });
  }

  async expire(
    { topic, partition }: PartitionId,
    expiry: Expiry,
    pause: () => Promise<boolean> = () => Promise.resolve(true),
  ): Promise<Expired> {
    this.#mustBeOpen();
    const places = await this.#writer.use((session) =>
      readPlaces(session, this.#cluster, topic, partition),
    );
    let events = 0;
    let oldestAt: number | undefined;
    for (const { place, nextOffset } of places) {
      let position: ExpiryPosition | undefined = { place, offset: IMPORT_OFFSET_FIRST };
      while (position !== undefined) {
        const at: ExpiryPosition = position;
        const step: ExpiryStep = await this.#writer.transaction((session) =>
          expireStep(session, at, nextOffset, expiry),
        );
        this.#telemetry.expired(step.events);
        events += step.events;
        oldestAt = Math.min(oldestAt ?? Infinity, step.oldestAt ?? Infinity);
        position = step.next;
        if (position !== undefined && !(await pause())) return { events, oldestAt: undefined };
      }
    }
    return { events, oldestAt: Number.isFinite(oldestAt) ? oldestAt : undefined };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await this.#commits.settled();
    await Promise.all([this.#writer.close(), this.#reader.close()]);
  }

  async #read<T>(method: string, work: (session: PostgresSession) => Promise<T>): Promise<T> {
    this.#mustBeOpen();
    const started = performance.now();
    const result = await this.#reader.use(work);
    this.#telemetry.read(method, performance.now() - started);
    return result;
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new AppError("closed");
  }
}
