import type { ChunkIndex } from "./log-index.ts";
import type { KeptTopic } from "./log-messages.ts";
import { partitionKey } from "./log-segment.ts";

/**
 * Where a partition starts once chunks that are too old or beyond the size are gone. Chunks expire
 * from the front only, and whole, like the segments that they lie in; sizes are per partition, as
 * in Kafka.
 *
 * @param chunks the partition's sealed chunks in offset order
 * @param liveBytes characters that follow them in the segment that is written
 */
export function startAfterRetention(
  start: number,
  chunks: readonly ChunkIndex[],
  liveBytes: number,
  topic: KeptTopic,
  now: number,
): number {
  const { retentionMs, retentionBytes = Number.POSITIVE_INFINITY } = topic.spec;
  let bytesAfter = chunks.reduce((sum, chunk) => sum + chunk.bytes, liveBytes);
  let next = start;
  for (const chunk of chunks) {
    bytesAfter -= chunk.bytes;
    if (chunk.time >= now - retentionMs && bytesAfter < retentionBytes) break;
    next = Math.max(next, chunk.next);
  }
  return next;
}

/** Whether nothing in these chunks can be read any more. */
export function isExpired(
  chunks: Iterable<ChunkIndex>,
  topics: ReadonlyMap<number, KeptTopic>,
  starts: ReadonlyMap<number, number>,
): boolean {
  for (const chunk of chunks) {
    if (!topics.has(chunk.topic)) continue;
    if (chunk.next > (starts.get(partitionKey(chunk.topic, chunk.partition)) ?? 0)) return false;
  }
  return true;
}
