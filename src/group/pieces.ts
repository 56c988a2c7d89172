import type { RecordBatch } from "../ports/event-log.ts";
import type { LogRecord } from "../wire/record.ts";

/**
 * A batch in batches of `recordsMax` records at most; itself when it has no more, none of an empty one.
 * Records that are still bytes become text piece by piece.
 */
export function* piecesOf(batch: RecordBatch, recordsMax: number): Iterable<RecordBatch> {
  const { nextOffset, offsets } = batch;
  const count = offsets.length;
  if (count <= recordsMax) {
    if (count > 0) yield batch;
    return;
  }
  for (let from = 0; from < count; from += recordsMax) {
    const to = Math.min(from + recordsMax, count);
    yield pieceOf(batch, offsets.slice(from, to), from, to, offsets[to] ?? nextOffset);
  }
}

function pieceOf(
  batch: RecordBatch,
  offsets: readonly number[],
  from: number,
  to: number,
  nextOffset: number,
): RecordBatch {
  const { topic, partition, packed } = batch;
  const own = { topic, partition, offsets, nextOffset };
  if (packed === undefined) return { ...own, records: batch.records.slice(from, to) };
  const part = packed.slice(from, to);
  let records: readonly LogRecord[] | undefined;
  return {
    ...own,
    packed: part,
    get records() {
      records ??= part.map((record) => record.decode());
      return records;
    },
  };
}
