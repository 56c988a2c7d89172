import type { Database } from "bun:sqlite";
import { AppError } from "../../errors.ts";

const VERSION = 1;

/**
 * Everything is appended in the order of commits but for the ends of conversations, many to a page,
 * and one entry of `runs_marked` for every few runs: each page that a commit touches is written
 * twice, so an index entry for each run costs as much as the events do.
 * `docs/adr/0004-standalone-store.md` has the figures and what was rejected.
 */
const TABLES = `
  CREATE TABLE partitions (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    incarnation TEXT,
    next_offset INTEGER NOT NULL,
    last_id TEXT NOT NULL,
    owner_epoch INTEGER NOT NULL,
    UNIQUE (topic, partition)
  );
  CREATE TABLE settings (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE tenants (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  -- One row for each epoch of a conversation, where id = conversation, and a copy whenever it
  -- becomes active again; only the one with the highest id is up to date.
  CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    epoch TEXT NOT NULL,
    floor INTEGER NOT NULL,
    seq_last INTEGER NOT NULL,
    run_last INTEGER NOT NULL,
    unmarked INTEGER NOT NULL
  );
  CREATE INDEX conversations_by_name ON conversations (tenant, name);
  -- Adjacent events of one conversation out of one batch. previous: the conversation's run before
  -- (0: none); mark: 1 for those that are in the index, else NULL; meta: a line of
  -- "offset fingerprint [id]" for each event; events: their texts as lines.
  CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    seq_last INTEGER NOT NULL,
    seq_count INTEGER NOT NULL,
    previous INTEGER NOT NULL,
    mark INTEGER,
    meta TEXT NOT NULL,
    events BLOB NOT NULL
  );
  CREATE UNIQUE INDEX runs_marked ON runs (conversation, seq_last) WHERE mark = 1;
  -- Which runs hold a partition's offsets.
  CREATE TABLE batches (
    partition INTEGER NOT NULL,
    offset_first INTEGER NOT NULL,
    offset_next INTEGER NOT NULL,
    run_first INTEGER NOT NULL,
    run_last INTEGER NOT NULL,
    PRIMARY KEY (partition, offset_first)
  ) WITHOUT ROWID;
  -- Ids of one batch whose keys are of the same second: (hash, offset, run) as 32-bit integers,
  -- counted from offset_first and run_first.
  CREATE TABLE id_blocks (
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    second INTEGER NOT NULL,
    offset_first INTEGER NOT NULL,
    run_first INTEGER NOT NULL,
    entries BLOB NOT NULL
  );
  CREATE INDEX id_blocks_by_second ON id_blocks (partition, second);
  -- Ids that are alone in their second, or without a time (0), or more than a second may hold.
  CREATE TABLE ids (
    partition INTEGER NOT NULL,
    time INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (partition, time, hash, offset)
  ) WITHOUT ROWID;
`;

/** @throws store_unavailable when a newer program made the file */
export function prepareSchema(db: Database): void {
  db.transaction(() => {
    const version = db
      .query<{ user_version: number }, []>("PRAGMA user_version")
      .get()?.user_version;
    if (version === VERSION) return;
    if (version !== 0)
      throw new AppError(
        "store_unavailable",
        `The store has layout ${version}; this program knows ${VERSION}`,
      );
    db.run(TABLES);
    // Secret to the file, so that nobody can choose ids whose hashes are equal.
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] as number;
    db.run("INSERT INTO settings VALUES ('hash_seed', ?)", [seed]);
    db.run(`PRAGMA user_version = ${VERSION}`);
  }).immediate();
}
