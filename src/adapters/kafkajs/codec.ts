import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import crc32C from "kafkajs/src/protocol/recordBatch/crc32C/index.js";
import type { BatchCodec } from "../../kafka/record-batch.ts";
import type { KafkaCompression } from "../../kafka/settings.ts";

/** As the low bits of a batch's attributes have it. */
export const COMPRESSION_BITS: Readonly<Record<KafkaCompression, number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
};

/** What kafkajs has no code for, and Bun neither. */
const MISSING: Readonly<Record<number, string>> = { 2: "snappy", 3: "lz4" };

export const batchCodec: BatchCodec = {
  crc32c: crc32C,
  decompress(codec, bytes) {
    if (codec === COMPRESSION_BITS.gzip) return gunzipSync(bytes);
    if (codec === COMPRESSION_BITS.zstd) return zstdDecompressSync(bytes);
    throw new TypeError(`kafkajs cannot unpack ${MISSING[codec] ?? `codec ${codec}`}`);
  },
};

/** @throws TypeError for what `kafkajs-lacks.ts` says is missing */
export function compress(compression: KafkaCompression, bytes: Buffer): Buffer {
  if (compression === "none") return bytes;
  if (compression === "gzip") return gzipSync(bytes);
  if (compression === "zstd") return zstdCompressSync(bytes);
  throw new TypeError(`kafkajs cannot pack ${compression}`);
}
