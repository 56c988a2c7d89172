import { encodePlainBatch } from "../../src/adapters/kafka/batch-encoder.ts";
import { kafkaCodec } from "../../src/adapters/kafka/fetch.ts";
import { BatchReader } from "../../src/kafka/record-batch.ts";
import type { PackedRecord } from "../../src/wire/packed-record.ts";
import type { LogRecord } from "../../src/wire/record.ts";

const IDENTITY = { producerId: 1n, producerEpoch: 0, sequence: 0 };

/** Records as a fetch brings them, at adjacent offsets. */
export function packRecords(records: readonly LogRecord[], offset = 0): PackedRecord[] {
  if (records.length === 0) return [];
  const bytes = encodePlainBatch(records, 0, IDENTITY);
  bytes.writeBigInt64BE(BigInt(offset), 0);
  return new BatchReader(bytes, offset, [], kafkaCodec).takePacked(records.length);
}
