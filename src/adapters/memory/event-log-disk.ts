import type { TopicInfo } from "../../ports/event-log.ts";
import type { TopicSpec } from "../../topics.ts";
import type { LogRecord } from "../../wire/record.ts";

/** Records of one append, kept together. */
export interface Chunk {
  readonly base: number;
  readonly timestamp: number;
  readonly records: readonly LogRecord[];
  readonly bytes: number;
}

/** One partition: chunks in offset order. */
export interface DiskPartition {
  start: number;
  end: number;
  chunks: Chunk[];
}

export interface DiskTopic {
  spec: TopicSpec;
  readonly info: TopicInfo;
  readonly partitions: readonly DiskPartition[];
}

/** What outlives a crash of the memory log: everything that was flushed, and nothing else. */
export interface MemoryDisk {
  readonly topics: Map<string, DiskTopic>;
  /** By `group topic partition`. */
  readonly offsets: Map<string, number>;
}

export function createMemoryDisk(): MemoryDisk {
  return { topics: new Map(), offsets: new Map() };
}

/** Adds a chunk at the end and returns its first offset. */
export function writeChunk(
  partition: DiskPartition,
  records: readonly LogRecord[],
  timestamp: number,
): number {
  const base = partition.end;
  let bytes = 0;
  for (const record of records) bytes += record.key.length + record.value.length;
  partition.chunks.push({ base, timestamp, records, bytes });
  partition.end += records.length;
  return base;
}

/** Index of the chunk that holds the offset; the number of chunks when none does. */
export function findChunk(partition: DiskPartition, offset: number): number {
  let low = 0;
  let high = partition.chunks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const chunk = partition.chunks[middle];
    if (chunk !== undefined && chunk.base + chunk.records.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Drops chunks from the front that are too old or beyond the size; the newest one stays. */
export function expireChunks(topic: DiskTopic, now: number): void {
  const { retentionMs, retentionBytes = Number.POSITIVE_INFINITY } = topic.spec;
  for (const partition of topic.partitions) {
    let bytes = partition.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    let drop = 0;
    for (const chunk of partition.chunks.slice(0, -1)) {
      bytes -= chunk.bytes;
      if (chunk.timestamp >= now - retentionMs && bytes < retentionBytes) break;
      drop++;
    }
    partition.chunks.splice(0, drop);
    partition.start = partition.chunks[0]?.base ?? partition.end;
  }
}
