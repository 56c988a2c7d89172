import type { RecordBatch } from "../ports/event-log.ts";

/** A batch in batches of `recordsMax` records at most; itself when it has no more, none of an empty one. */
export function* piecesOf(batch: RecordBatch, recordsMax: number): Iterable<RecordBatch> {
  const { topic, partition, records, offsets, nextOffset } = batch;
  if (records.length <= recordsMax) {
    if (records.length > 0) yield batch;
    return;
  }
  for (let from = 0; from < records.length; from += recordsMax) {
    const to = Math.min(from + recordsMax, records.length);
    yield {
      topic,
      partition,
      records: records.slice(from, to),
      offsets: offsets.slice(from, to),
      nextOffset: offsets[to] ?? nextOffset,
    };
  }
}
