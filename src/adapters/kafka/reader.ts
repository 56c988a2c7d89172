import { type Connection, fetchV13, ProtocolError, type Reader } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import {
  type AbortedTransaction,
  BatchReader,
  CorruptBatchError,
  type DecodedRecords,
} from "../../kafka/record-batch.ts";
import type { RecordBatch } from "../../ports/event-log.ts";
import type { KafkaAdmin } from "./admin.ts";
import type { KafkaClient } from "./client.ts";
import { kafkaCodec } from "./fetch.ts";
import { atLeader } from "./leader-call.ts";

/** One partition of a fetch answer, its record batches not decoded. */
interface FetchedPartition {
  readonly errorCode: number;
  readonly stableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly batches: Buffer;
}

const FETCH = 1;
/** The first one by topic id: it never reads from a topic that was made again. Kafka 3.1. */
const VERSION = 13;
const READ_COMMITTED = 1;
const OFFSET_OUT_OF_RANGE = 1;
const NO_BYTES = Buffer.alloc(0);

/** As `EventLog.read`: a bounded page of one partition, committed records only. */
export async function readPage(
  client: KafkaClient,
  admin: KafkaAdmin,
  topic: string,
  partition: number,
  offset: number,
  recordsMax: number,
): Promise<RecordBatch> {
  const page = { topic, partition, records: [], offsets: [], nextOffset: offset } as {
    -readonly [K in keyof RecordBatch]: RecordBatch[K];
  };
  for (let bytes = 0; page.records.length < recordsMax && bytes < client.limits.readPageBytesMax;) {
    const left = client.limits.readPageBytesMax - bytes;
    const fetched = await atLeader(client, topic, partition, (connection) =>
      fetchPartition(
        connection,
        client.metadata.topic(topic)?.id ?? "",
        partition,
        page.nextOffset,
        left,
      ),
    );
    if (fetched.errorCode === OFFSET_OUT_OF_RANGE) return outside(admin, topic, partition, offset);
    const decoded = decodePage(fetched, page.nextOffset, recordsMax - page.records.length);
    if (decoded instanceof AppError) {
      // What comes before the damage is a page of its own.
      if (page.records.length > 0) break;
      throw decoded;
    }
    page.records =
      page.records.length === 0 ? decoded.records : [...page.records, ...decoded.records];
    page.offsets =
      page.offsets.length === 0 ? decoded.offsets : [...page.offsets, ...decoded.offsets];
    const stuck = decoded.nextOffset === page.nextOffset;
    page.nextOffset = decoded.nextOffset;
    if (stuck || page.nextOffset >= fetched.stableOffset) break;
    bytes += fetched.batches.length;
  }
  return page;
}

/** The first records from `offset` on, or `log_corrupt`. */
function decodePage(
  { batches, aborted }: FetchedPartition,
  offset: number,
  recordsMax: number,
): (DecodedRecords & { readonly nextOffset: number }) | AppError {
  const reader = new BatchReader(batches, offset, aborted, kafkaCodec);
  try {
    const { records, offsets } = reader.take(recordsMax);
    const cut = offsets[recordsMax];
    if (cut === undefined) return { records, offsets, nextOffset: reader.next };
    // The last batch has more; the next page begins with its first record that is left.
    const kept = { records: records.slice(0, recordsMax), offsets: offsets.slice(0, recordsMax) };
    return { ...kept, nextOffset: cut };
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw error;
    return new AppError("log_corrupt", error.message, { cause: error });
  }
}

async function outside(
  admin: KafkaAdmin,
  topic: string,
  partition: number,
  offset: number,
): Promise<never> {
  const { start, end } = await admin.range(topic, partition);
  const where = `${topic}/${partition}`;
  if (offset < start) throw new AppError("log_expired", `${where} starts at ${start}`);
  throw new AppError("log_truncated", `${where} ends at ${end}`);
}

async function fetchPartition(
  connection: Connection,
  topicId: string,
  partition: number,
  offset: number,
  bytesMax: number,
): Promise<FetchedPartition> {
  const asked = {
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: bytesMax,
  };
  const request = () =>
    fetchV13.createRequest(
      0,
      0,
      bytesMax,
      READ_COMMITTED,
      0,
      -1,
      [{ topicId, partitions: [asked] }],
      [],
      "",
    );
  const fetched = await new Promise<FetchedPartition>((resolve, reject) => {
    connection.send(FETCH, VERSION, request, parseFetch, true, true, (error, found) => {
      if (error === null) resolve(found as FetchedPartition);
      else reject(error);
    });
  });
  const { errorCode } = fetched;
  if (errorCode !== 0 && errorCode !== OFFSET_OUT_OF_RANGE) throw new ProtocolError(errorCode);
  return fetched;
}

/** The library's own parser decodes every record into an object with buffers. */
function parseFetch(_: number, __: number, ___: number, reader: Reader): FetchedPartition {
  reader.readInt32();
  const errorCode = reader.readInt16();
  reader.readInt32();
  let found: FetchedPartition = { errorCode, stableOffset: 0, aborted: [], batches: NO_BYTES };
  reader.readArray((topicReader) => {
    topicReader.readUUID();
    topicReader.readArray((r) => {
      r.readInt32();
      const partitionError = r.readInt16();
      r.readInt64();
      const stableOffset = Number(r.readInt64());
      r.readInt64();
      const aborted =
        r.readNullableArray((inner) => ({
          producerId: Number(inner.readInt64()),
          firstOffset: Number(inner.readInt64()),
        })) ?? [];
      r.readInt32();
      const batches = r.readNullableBytes() ?? NO_BYTES;
      found = { errorCode: errorCode || partitionError, stableOffset, aborted, batches };
    });
  });
  return found;
}
