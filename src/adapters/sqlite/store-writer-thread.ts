import type { Database } from "bun:sqlite";
import type { PartitionId, PartitionState } from "../../ports/message-store.ts";
import { yieldToForeground } from "./background.ts";
import { type DatabaseOptions, openDatabase } from "./database.ts";
import type { EncodedBatch } from "./store-batch.ts";
import { type CheckpointResult, StoreCheckpoint } from "./store-checkpoint.ts";
import { prepareSchema } from "./store-schema.ts";
import {
  type EmptyConversation,
  type ImportTarget,
  type Refusal,
  StoreWriter,
} from "./store-writer.ts";
import { answer, type ThreadRequest } from "./thread-message.ts";

export interface WriterOptions {
  readonly database: DatabaseOptions;
  readonly conversationsMax: number;
  /** Size of the write-ahead log that starts a checkpoint. */
  readonly checkpointBytes: number;
  /** Time without a commit after which the rest is checkpointed. */
  readonly checkpointIdleMs: number;
}

export interface CommitReply {
  readonly outcomes: readonly (Refusal | undefined)[];
  readonly transactionMs: number;
  readonly cache: { readonly entries: number; readonly hits: number; readonly misses: number };
  /** Those of the batches, moved back. */
  readonly buffers: ArrayBuffer[];
  /** Checkpoints since the last reply. */
  readonly checkpoints: readonly CheckpointResult[];
}

interface Opened {
  readonly db: Database;
  readonly writer: StoreWriter;
  readonly checkpoint: StoreCheckpoint;
}

class WriterThread {
  #opened: Opened | undefined;
  #moveBack: ArrayBuffer[] = [];
  #hasCommitted = false;

  open(options: WriterOptions): void {
    const db = openDatabase(options.database);
    prepareSchema(db);
    this.#opened = {
      db,
      writer: new StoreWriter(db, options.conversationsMax),
      checkpoint: new StoreCheckpoint(db, options),
    };
  }

  acquire(partition: PartitionId): PartitionState {
    return this.#open.writer.acquire(partition);
  }

  commit(batches: readonly EncodedBatch[]): CommitReply {
    const { writer, checkpoint } = this.#open;
    const started = performance.now();
    const outcomes = writer.commit(batches);
    const transactionMs = performance.now() - started;
    this.#hasCommitted = true;
    this.#moveBack = batches.map(({ buffer }) => buffer);
    return {
      outcomes,
      transactionMs,
      cache: writer.cache,
      buffers: this.#moveBack,
      checkpoints: checkpoint.takeResults(),
    };
  }

  beginImport(target: ImportTarget): readonly number[] {
    return this.#open.writer.beginImport(target);
  }

  addImported(batch: EncodedBatch): void {
    this.#open.writer.addImported(batch);
  }

  endImport(empty: readonly EmptyConversation[]): void {
    this.#open.writer.endImport(empty);
    this.#hasCommitted = true;
  }

  abortImport(): void {
    this.#open.writer.abortImport();
  }

  /** Buffers of the last commit, which leave with its answer. */
  takeMoved(): ArrayBuffer[] {
    const moved = this.#moveBack;
    this.#moveBack = [];
    return moved;
  }

  /** What need not keep the answer waiting. */
  answered(): void {
    if (!this.#hasCommitted) return;
    this.#hasCommitted = false;
    this.#opened?.checkpoint.committed();
  }

  close(): void {
    const { db, checkpoint } = this.#open;
    this.#opened = undefined;
    checkpoint.close();
    db.close();
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw new Error("the file is not open");
    return this.#opened;
  }
}

export type WriterApi = Pick<
  WriterThread,
  | "open"
  | "acquire"
  | "commit"
  | "beginImport"
  | "addImported"
  | "endImport"
  | "abortImport"
  | "close"
>;

declare const self: Worker;

yieldToForeground();
const thread = new WriterThread();
self.addEventListener("message", (event: MessageEvent<ThreadRequest>) => {
  const reply = answer(thread, event.data);
  self.postMessage(reply, thread.takeMoved());
  thread.answered();
});
