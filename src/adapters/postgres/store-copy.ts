import type { CopyBuffer } from "./copy-buffer.ts";
import type { PostgresSession } from "./database.ts";
import type { StoreIdIndex } from "./store-id-index.ts";
import type { EncodedBatch } from "./store-run.ts";

/** A batch with the rows that its events go to. */
export interface CopiedBatch {
  readonly place: number;
  readonly batch: EncodedBatch;
  /** By run: the row of its conversation. */
  readonly plan: { readonly rows: readonly { readonly id: number }[] };
}

const RUN_COLUMNS =
  "runs (conversation, seq_last, batch_end, place, ordinal, seq_count, chars, meta, events)";
const BATCH_COLUMNS = "batches (offset_next, place, events, id_buckets)";
const ID_BLOCK_COLUMNS = "id_blocks (bucket, batch_end, place, entries)";

/** Writes the batches and the index of their ids, whose seconds are loaded. */
export async function copyIds(
  session: PostgresSession,
  buffer: CopyBuffer,
  copied: readonly CopiedBatch[],
  ids: StoreIdIndex,
): Promise<void> {
  const blocks = copied.map(({ place, batch }) => ids.blocks(place, batch));
  buffer.clear();
  copied.forEach(({ place, batch }, i) => {
    buffer.row(4);
    buffer.int64(batch.nextOffset);
    buffer.int32(place);
    buffer.int32(batch.events);
    const buckets = (blocks[i] ?? []).map(({ bucket }) => bucket);
    buffer.bytes(new Uint8Array(new Float64Array(buckets).buffer));
  });
  await buffer.send(session, BATCH_COLUMNS);
  buffer.clear();
  copied.forEach(({ place, batch }, i) => {
    for (const { bucket, entries } of blocks[i] ?? []) {
      buffer.row(4);
      buffer.int64(bucket);
      buffer.int64(batch.nextOffset);
      buffer.int32(place);
      buffer.bytes(entries);
    }
  });
  await buffer.send(session, ID_BLOCK_COLUMNS);
}

/** Writes the batches' events. */
export async function copyRuns(
  session: PostgresSession,
  buffer: CopyBuffer,
  copied: readonly CopiedBatch[],
): Promise<void> {
  buffer.clear();
  for (const { place, batch, plan } of copied)
    batch.runs.forEach((run, ordinal) => {
      buffer.row(9);
      buffer.int64((plan.rows[ordinal] as { readonly id: number }).id);
      buffer.int64(run.seqFirst + run.count - 1);
      buffer.int64(batch.nextOffset);
      buffer.int32(place);
      buffer.int32(ordinal);
      buffer.int32(run.count);
      buffer.int32(run.chars);
      buffer.bytes(batch.metas.subarray(run.metaStart, run.metaEnd));
      buffer.bytes(batch.bytes.subarray(run.start, run.end));
    });
  await buffer.send(session, RUN_COLUMNS);
}
