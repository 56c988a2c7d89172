import type { Database, Statement } from "bun:sqlite";
import { IMPORT_OFFSET_FIRST } from "../../chat/import-fold.ts";
import { AppError, ERROR_TABLE, type ErrorCode } from "../../errors.ts";
import type { PartitionId, PartitionState } from "../../ports/message-store.ts";
import { databaseErrorCode } from "./database.ts";
import type { EncodedBatch } from "./store-batch.ts";
import { type PlannedRun, StoreConversations } from "./store-conversations.ts";
import { StoreIdIndex } from "./store-id-index.ts";
import { decodeBatch } from "./store-run.ts";

/** Why a batch was not applied. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

interface PartitionRow {
  readonly id: number;
  readonly incarnation: string | null;
  readonly nextOffset: number;
  readonly lastId: string;
  readonly ownerEpoch: number;
}

/** Whose events are imported, and where its records will be. */
export interface ImportTarget {
  readonly tenant: string;
  readonly topic: string;
  readonly partitions: number;
}

/** A conversation of which no event is kept. */
export interface EmptyConversation {
  readonly conversation: string;
  readonly epoch: string;
  /** Of its last event. */
  readonly seq: number;
}

/** How many runs a reader may have to walk back, and how many share an entry of the index. */
const RUNS_PER_MARK = 16;

/** Applies batches. The only one that writes to its file, but not trusting that it is. */
export class StoreWriter {
  readonly #db: Database;
  readonly #conversations: StoreConversations;
  readonly #ids: StoreIdIndex;
  readonly #dataVersion: Statement<{ data_version: number }, []>;
  readonly #acquire: Statement<PartitionRow, [string, number]>;
  readonly #partition: Statement<PartitionRow, [string, number]>;
  readonly #move: Statement<unknown, [string, number, string, number]>;
  readonly #addBatch: Statement<unknown, [number, number, number, number, number]>;
  readonly #addRun: Statement<unknown, (number | string | Uint8Array | null)[]>;
  readonly #lastRun: Statement<{ id: number | null }, []>;
  readonly #importEnd: Statement<{ end: number | null }, [number]>;
  #versionSeen = -1;
  #runLast = 0;
  #importing: ImportTarget | undefined;

  constructor(db: Database, conversationsMax: number) {
    this.#db = db;
    const seed = db
      .query<{ value: number }, []>("SELECT value FROM settings WHERE name = 'hash_seed'")
      .get()?.value as number;
    this.#conversations = new StoreConversations(db, conversationsMax);
    this.#ids = new StoreIdIndex(db, seed);
    this.#dataVersion = db.prepare("PRAGMA data_version");
    const row =
      "id, incarnation, next_offset AS nextOffset, last_id AS lastId, owner_epoch AS ownerEpoch";
    this.#acquire = db.prepare(`
      INSERT INTO partitions (topic, partition, next_offset, last_id, owner_epoch)
      VALUES (?, ?, 0, '', 1)
      ON CONFLICT DO UPDATE SET owner_epoch = owner_epoch + 1 RETURNING ${row}`);
    this.#partition = db.prepare(`SELECT ${row} FROM partitions WHERE topic = ? AND partition = ?`);
    this.#move = db.prepare(
      "UPDATE partitions SET incarnation = ?, next_offset = ?, last_id = ? WHERE id = ?",
    );
    this.#importEnd = db.prepare(
      "SELECT max(offset_next) AS end FROM batches WHERE partition = +? AND offset_first < 0",
    );
    this.#addBatch = db.prepare("INSERT INTO batches VALUES (?, ?, ?, ?, ?)");
    this.#addRun = db.prepare("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#lastRun = db.prepare("SELECT max(id) AS id FROM runs");
  }

  get cache(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    const { size, hits, misses } = this.#conversations;
    return { entries: size, hits, misses };
  }

  acquire(id: PartitionId): PartitionState {
    this.#mustNotImport();
    const row = this.#acquire.get(id.topic, id.partition) as PartitionRow;
    const { ownerEpoch, incarnation, nextOffset, lastId } = row;
    return { ownerEpoch, incarnation: incarnation ?? undefined, nextOffset, lastId };
  }

  /** Applies each batch or refuses it; what one is refused for does not touch the others. */
  commit(batches: readonly EncodedBatch[]): (Refusal | undefined)[] {
    if (this.#importing) return batches.map(() => refusal(importUnderWay()));
    try {
      return this.#transaction(() => batches.map((batch) => this.#applyOrRefuse(batch)));
    } catch (error) {
      // One of them, or the disk: alone, each gets its own outcome.
      if (batches.length > 1) return batches.flatMap((batch) => this.commit([batch]));
      return [refusal(error)];
    }
  }

  /**
   * Begins a transaction over several calls; whoever else writes is refused until it ends.
   * @returns the first free offset for imported events, by partition
   */
  beginImport(target: ImportTarget): readonly number[] {
    this.#mustNotImport();
    try {
      this.#begin();
      if (this.#conversations.hasTenant(target.tenant))
        throw new AppError("invalid_command", `${target.tenant} has messages already`);
      const free: number[] = [];
      for (let partition = 0; partition < target.partitions; partition++) {
        const { id } = this.#acquire.get(target.topic, partition) as PartitionRow;
        free.push(this.#importEnd.get(id)?.end ?? IMPORT_OFFSET_FIRST);
      }
      this.#importing = target;
      return free;
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** Adds a batch whose offsets are below 0. After a refusal the import has to be aborted. */
  addImported(batch: EncodedBatch): void {
    const target = this.#mustImport();
    const row = this.#partition.get(target.topic, batch.partition);
    const refused = row ? this.#write(row.id, batch) : rowRefused("there is no such partition");
    if (refused) throw new AppError(refused.code, refused.message);
  }

  /** Makes all of it visible. */
  endImport(empty: readonly EmptyConversation[]): void {
    const { tenant } = this.#mustImport();
    for (const one of empty) this.#conversations.addEmpty(tenant, one);
    this.#db.run("COMMIT");
    this.#importing = undefined;
  }

  abortImport(): void {
    this.#importing = undefined;
    this.#undo();
  }

  #mustNotImport(): void {
    if (this.#importing) throw importUnderWay();
  }

  #mustImport(): ImportTarget {
    if (!this.#importing) throw new AppError("internal", "No import is under way");
    return this.#importing;
  }

  #transaction<Result>(run: () => Result): Result {
    try {
      this.#begin();
      const result = run();
      this.#db.run("COMMIT");
      return result;
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  #begin(): void {
    const db = this.#db;
    // Left open only when a rollback failed: until one succeeds nothing is written.
    if (db.inTransaction) db.run("ROLLBACK");
    db.run("BEGIN IMMEDIATE");
    const version = this.#dataVersion.get()?.data_version as number;
    if (version !== this.#versionSeen) this.#reload(version);
  }

  #undo(): void {
    this.#versionSeen = -1;
    // SQLite has rolled back by itself after some errors (full disk among them).
    if (this.#db.inTransaction) this.#db.run("ROLLBACK");
  }

  #reload(version: number): void {
    this.#conversations.reload();
    this.#ids.reload();
    this.#runLast = this.#lastRun.get()?.id ?? 0;
    this.#versionSeen = version;
  }

  /** Refuses before it writes anything; whatever is thrown later undoes the whole transaction. */
  #applyOrRefuse(batch: EncodedBatch): Refusal | undefined {
    const row = this.#partition.get(batch.topic, batch.partition);
    if (!row || row.ownerEpoch !== batch.ownerEpoch) return refusal(new AppError("fenced"));
    if (row.incarnation !== null && row.incarnation !== batch.incarnation)
      return refusal(new AppError("topic_recreated"));
    if (row.nextOffset !== batch.expectedOffset)
      return {
        code: "offset_mismatch",
        message: `The stored offset is ${row.nextOffset}, not ${batch.expectedOffset}`,
      };
    const refused = this.#write(row.id, batch);
    if (refused) return refused;
    this.#move.run(batch.incarnation, batch.nextOffset, batch.lastId, row.id);
    return undefined;
  }

  /** Writes a batch's events, or nothing. */
  #write(partition: number, batch: EncodedBatch): Refusal | undefined {
    const decoded = decodeBatch(batch);
    if (typeof decoded === "string") return rowRefused(decoded);
    const plan = this.#conversations.plan(decoded.runs);
    if (typeof plan === "string") return rowRefused(plan);
    const runFirst = this.#runLast + 1;
    for (const planned of plan.runs) this.#insert(planned);
    this.#conversations.keep(plan.ends);
    if (plan.runs.length > 0) {
      const { expectedOffset, nextOffset } = batch;
      this.#addBatch.run(partition, expectedOffset, nextOffset, runFirst, this.#runLast);
      this.#ids.add({
        partition,
        offsetFirst: expectedOffset,
        runFirst,
        ids: decoded.ids,
        offsets: decoded.offsets,
        counts: decoded.runs.map(({ count }) => count),
      });
    }
    return undefined;
  }

  /** Chains the run to the one before it; every few it is found through the index. */
  #insert({ run: { seqFirst, count, meta, events }, end }: PlannedRun): void {
    end.unmarked++;
    const isMarked = end.unmarked >= RUNS_PER_MARK;
    if (isMarked) end.unmarked = 0;
    const id = ++this.#runLast;
    const seqLast = seqFirst + count - 1;
    const mark = isMarked ? 1 : null;
    this.#addRun.run(id, end.id, seqLast, count, end.runLast, mark, meta, events);
    end.runLast = id;
  }
}

function importUnderWay(): AppError {
  return new AppError("store_unavailable", "A tenant is being imported");
}

function rowRefused(fault: string): Refusal {
  return { code: "row_refused", message: `${ERROR_TABLE.row_refused.message}: ${fault}` };
}

function refusal(error: unknown): Refusal {
  const message = error instanceof Error ? error.message : String(error);
  return { code: databaseErrorCode(error), message };
}
