import type { Database } from "bun:sqlite";

/**
 * A segment is one database of the log. `batch` is written at its end only, so that a commit of
 * many partitions touches a page or two; `chunk` is the index, added once when it is sealed.
 */
const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS batch (
     id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
     base INTEGER NOT NULL, count INTEGER NOT NULL, time INTEGER NOT NULL,
     sum INTEGER NOT NULL, text BLOB NOT NULL) STRICT`,
  `CREATE TABLE IF NOT EXISTS start (
     topic INTEGER NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
     PRIMARY KEY (topic, partition)) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS chunk (
     topic INTEGER NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL,
     next INTEGER NOT NULL, bytes INTEGER NOT NULL, time INTEGER NOT NULL,
     bases BLOB NOT NULL, ids BLOB NOT NULL,
     PRIMARY KEY (topic, partition)) STRICT`,
];

/** Kept as the database's user_version. */
export const SEGMENT_STATE = { prepared: 0, begun: 1, sealed: 2 } as const;

export function createSegmentTables(db: Database): void {
  for (const statement of SCHEMA) db.run(statement);
}

export function segmentState(db: Database): number {
  const row = db.query<{ user_version: number }, []>("PRAGMA user_version").get();
  return row?.user_version ?? 0;
}

const FILE = /^([0-9]{8})\.log$/;

export function segmentFile(number: number): string {
  return `${String(number).padStart(8, "0")}.log`;
}

/** The number in a segment's file name, or undefined for any other file. */
export function segmentNumber(file: string): number | undefined {
  const digits = FILE.exec(file)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A partition of a numbered topic as one number. */
export function partitionKey(topic: number, partition: number): number {
  return topic * 65_536 + partition;
}

export function topicOfKey(key: number): number {
  return Math.floor(key / 65_536);
}

export function partitionOfKey(key: number): number {
  return key % 65_536;
}
