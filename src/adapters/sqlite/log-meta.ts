import type { Database } from "bun:sqlite";
import type { TopicSpec } from "../../topics.ts";
import { openDatabase } from "./database.ts";
import type { KeptOffset, KeptTopic, PartitionOffset } from "./log-messages.ts";

const SCHEMA = [
  // AUTOINCREMENT: a topic's number is never used again, so rows of a deleted one stay nobody's.
  `CREATE TABLE IF NOT EXISTS topic (
     id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
     incarnation TEXT NOT NULL, spec TEXT NOT NULL) STRICT`,
  `CREATE TABLE IF NOT EXISTS start (
     topic INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
     PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS committed (
     consumer_group TEXT NOT NULL, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
     offset INTEGER NOT NULL, PRIMARY KEY (consumer_group, topic, partition)) STRICT, WITHOUT ROWID`,
];

const CACHE_BYTES = 1024 * 1024;
const CHECKPOINT_WRITES = 256;

/** The log's small facts: topics, where partitions start, and groups' offsets. */
export class LogMeta {
  private readonly db: Database;
  private writes = 0;

  constructor(path: string) {
    this.db = openDatabase({ path, synchronous: "FULL", cacheBytes: CACHE_BYTES });
    for (const statement of SCHEMA) this.db.run(statement);
  }

  topics(): readonly KeptTopic[] {
    type Row = { id: number; incarnation: string; spec: string };
    return this.db
      .query<Row, []>("SELECT id, incarnation, spec FROM topic ORDER BY id")
      .all()
      .map((row) => ({ ...row, spec: JSON.parse(row.spec) as TopicSpec }));
  }

  /** Makes the topic, or gives a known one the spec's retention. */
  saveTopic(spec: TopicSpec, incarnation: string): KeptTopic {
    const row = this.db
      .query<{ id: number; incarnation: string }, [string, string, string]>(
        `INSERT INTO topic (name, incarnation, spec) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET spec = excluded.spec RETURNING id, incarnation`,
      )
      .get(spec.name, incarnation, JSON.stringify(spec));
    this.wrote();
    if (row === null) throw new Error("an upsert returned no row");
    return { ...row, spec };
  }

  deleteTopic(id: number): void {
    this.db.transaction(() => {
      for (const sql of [
        "DELETE FROM topic WHERE id = ?",
        "DELETE FROM start WHERE topic = ?",
        "DELETE FROM committed WHERE topic = ?",
      ])
        this.db.query<null, [number]>(sql).run(id);
    })();
    this.wrote();
  }

  starts(): readonly PartitionOffset[] {
    return this.db.query<PartitionOffset, []>("SELECT topic, partition, offset FROM start").all();
  }

  saveStarts(starts: readonly PartitionOffset[]): void {
    const upsert = this.db.query<null, [number, number, number]>(
      "INSERT OR REPLACE INTO start (topic, partition, offset) VALUES (?, ?, ?)",
    );
    this.db.transaction(() => {
      for (const { topic, partition, offset } of starts) upsert.run(topic, partition, offset);
    })();
    this.wrote();
  }

  committed(): readonly KeptOffset[] {
    return this.db
      .query<KeptOffset, []>(
        `SELECT consumer_group AS "group", topic, partition, offset FROM committed`,
      )
      .all();
  }

  saveCommitted(offsets: readonly KeptOffset[]): void {
    const upsert = this.db.query<null, [string, number, number, number]>(
      "INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)",
    );
    this.db.transaction(() => {
      for (const { group, topic, partition, offset } of offsets)
        upsert.run(group, topic, partition, offset);
    })();
    this.wrote();
  }

  close(): void {
    this.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    this.db.close(true);
  }

  private wrote(): void {
    if (++this.writes % CHECKPOINT_WRITES === 0) this.db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
}
