/**
 * Java's murmur2 as Kafka's producer uses it (`org.apache.kafka.common.utils.Utils.murmur2`), so
 * that any other Kafka client finds a conversation in the same partition.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

const encoder = new TextEncoder();

function finish(hash: number): number {
  let h = hash;
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

function murmur2Bytes(bytes: Uint8Array): number {
  const length = bytes.length;
  let h = SEED ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    let k = Math.imul(word, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const left = length - i;
  if (left >= 3) h ^= bytes[i + 2]! << 16;
  if (left >= 2) h ^= bytes[i + 1]! << 8;
  if (left >= 1) h = Math.imul(h ^ bytes[i]!, M);
  return finish(h);
}

/** The hash of the text's UTF-8 bytes, as a signed 32-bit integer. ASCII allocates nothing. */
export function murmur2(text: string): number {
  const length = text.length;
  let h = SEED ^ length;
  let i = 0;
  let seen = 0;
  for (; i + 4 <= length; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    seen |= a | b | c | d;
    let k = Math.imul(a | (b << 8) | (c << 16) | (d << 24), M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  for (let at = i; at < length; at++) seen |= text.charCodeAt(at);
  if (seen > 0x7f) return murmur2Bytes(encoder.encode(text));
  const left = length - i;
  if (left >= 3) h ^= text.charCodeAt(i + 2) << 16;
  if (left >= 2) h ^= text.charCodeAt(i + 1) << 8;
  if (left >= 1) h = Math.imul(h ^ text.charCodeAt(i), M);
  return finish(h);
}

/** The partition of a record's key, as Java's default partitioner chooses it for keyed records. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
