import type { Database, Statement } from "bun:sqlite";

export interface CheckpointResult {
  readonly durationMs: number;
  /** Frames of the write-ahead log at the end, and how many of them are in the file. */
  readonly frames: number;
  readonly moved: number;
  readonly error: string | undefined;
}

interface CheckpointOptions {
  readonly checkpointBytes: number;
  readonly checkpointIdleMs: number;
}

interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** Results kept for the next reply. */
const RESULTS_MAX = 16;
/** Asking for the log's size costs a system call; a commit writes at least a few frames. */
const COMMITS_BETWEEN_LOOKS = 8;
/**
 * How far the log may outgrow its size when reads overlap so that it never begins again by itself;
 * then a checkpoint waits for the reads that are under way.
 */
const RESTART_FACTOR = 4;

/**
 * Moves the write-ahead log into the file, so that it stays bounded. It runs between two commits on
 * the thread that writes: a commit that waits for it delays no receipt and no delivery, and only
 * then is the log empty enough to begin again at its start; a checkpoint beside a busy writer never
 * catches up with it.
 */
export class StoreCheckpoint {
  readonly #framesMax: number;
  readonly #idleMs: number;
  readonly #look: Statement<CheckpointRow, []>;
  readonly #move: Statement<CheckpointRow, []>;
  readonly #restart: Statement<CheckpointRow, []>;
  #results: CheckpointResult[] = [];
  #commits = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(db: Database, { checkpointBytes, checkpointIdleMs }: CheckpointOptions) {
    const pageBytes = db.query<{ page_size: number }, []>("PRAGMA page_size").get()?.page_size;
    this.#framesMax = checkpointBytes / (pageBytes as number);
    this.#idleMs = checkpointIdleMs;
    this.#look = db.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#move = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#restart = db.prepare("PRAGMA wal_checkpoint(RESTART)");
  }

  /** To be called after each commit, when its answer is on its way. */
  committed(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#checkpoint(this.#move), this.#idleMs);
    this.#commits++;
    if (this.#commits % COMMITS_BETWEEN_LOOKS !== 0) return;
    const size = this.#look.get();
    if (!size) return;
    if (size.log > RESTART_FACTOR * this.#framesMax) this.#checkpoint(this.#restart);
    else if (size.log - size.checkpointed > this.#framesMax) this.#checkpoint(this.#move);
  }

  takeResults(): readonly CheckpointResult[] {
    const results = this.#results;
    this.#results = [];
    return results;
  }

  close(): void {
    clearTimeout(this.#idle);
    this.#checkpoint(this.#move);
  }

  #checkpoint(how: Statement<CheckpointRow, []>): void {
    const started = performance.now();
    let row: CheckpointRow | null = null;
    let error: string | undefined;
    try {
      row = how.get();
    } catch (fault) {
      error = fault instanceof Error ? fault.message : String(fault);
    }
    const durationMs = performance.now() - started;
    if (this.#results.length >= RESULTS_MAX) this.#results.shift();
    this.#results.push({ durationMs, frames: row?.log ?? 0, moved: row?.checkpointed ?? 0, error });
  }
}
