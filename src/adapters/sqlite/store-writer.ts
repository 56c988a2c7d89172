import type { Database, Statement } from "bun:sqlite";
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
  #versionSeen = -1;
  #runLast = 0;

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
    this.#addBatch = db.prepare("INSERT INTO batches VALUES (?, ?, ?, ?, ?)");
    this.#addRun = db.prepare("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#lastRun = db.prepare("SELECT max(id) AS id FROM runs");
  }

  get cache(): { readonly entries: number; readonly hits: number; readonly misses: number } {
    const { size, hits, misses } = this.#conversations;
    return { entries: size, hits, misses };
  }

  acquire(id: PartitionId): PartitionState {
    const row = this.#acquire.get(id.topic, id.partition) as PartitionRow;
    const { ownerEpoch, incarnation, nextOffset, lastId } = row;
    return { ownerEpoch, incarnation: incarnation ?? undefined, nextOffset, lastId };
  }

  /** Applies each batch or refuses it; what one is refused for does not touch the others. */
  commit(batches: readonly EncodedBatch[]): (Refusal | undefined)[] {
    try {
      return this.#transaction(() => batches.map((batch) => this.#applyOrRefuse(batch)));
    } catch (error) {
      // One of them, or the disk: alone, each gets its own outcome.
      if (batches.length > 1) return batches.flatMap((batch) => this.commit([batch]));
      return [refusal(error)];
    }
  }

  #transaction<Result>(run: () => Result): Result {
    const db = this.#db;
    // Left open only when a rollback failed: until one succeeds nothing is written.
    if (db.inTransaction) db.run("ROLLBACK");
    db.run("BEGIN IMMEDIATE");
    try {
      const version = this.#dataVersion.get()?.data_version as number;
      if (version !== this.#versionSeen) this.#reload(version);
      const result = run();
      db.run("COMMIT");
      return result;
    } catch (error) {
      this.#versionSeen = -1;
      // SQLite has rolled back by itself after some errors (full disk among them).
      if (db.inTransaction) db.run("ROLLBACK");
      throw error;
    }
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
    const decoded = decodeBatch(batch);
    if (typeof decoded === "string") return rowRefused(decoded);
    const plan = this.#conversations.plan(decoded.runs);
    if (typeof plan === "string") return rowRefused(plan);
    const runFirst = this.#runLast + 1;
    for (const planned of plan.runs) this.#insert(planned);
    this.#conversations.keep(plan.ends);
    if (plan.runs.length > 0) {
      const { expectedOffset, nextOffset } = batch;
      this.#addBatch.run(row.id, expectedOffset, nextOffset, runFirst, this.#runLast);
      this.#ids.add({
        partition: row.id,
        offsetFirst: expectedOffset,
        runFirst,
        ids: decoded.ids,
        offsets: decoded.offsets,
        counts: decoded.runs.map(({ count }) => count),
      });
    }
    this.#move.run(batch.incarnation, batch.nextOffset, batch.lastId, row.id);
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

function rowRefused(fault: string): Refusal {
  return { code: "row_refused", message: `${ERROR_TABLE.row_refused.message}: ${fault}` };
}

function refusal(error: unknown): Refusal {
  const message = error instanceof Error ? error.message : String(error);
  return { code: databaseErrorCode(error), message };
}
