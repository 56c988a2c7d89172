import type { RecordBatch } from "../ports/event-log.ts";
import type { PackedRecord } from "../wire/packed-record.ts";
import type { LogRecord } from "../wire/record.ts";

/** Records as bytes; as text only for those who ask. */
export function packedBatch(
  topic: string,
  partition: number,
  packed: readonly PackedRecord[],
  nextOffset: number,
): RecordBatch {
  let records: readonly LogRecord[] | undefined;
  // Not a class: whoever spreads a batch is to get all of it.
  return {
    topic,
    partition,
    nextOffset,
    packed,
    get records() {
      records ??= packed.map((record) => record.decode());
      return records;
    },
    get offsets() {
      return packed.map(({ offset }) => offset);
    },
  };
}
