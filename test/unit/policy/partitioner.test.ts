import { describe, expect, test } from "bun:test";
import { murmur2, partitionOf } from "../../../src/policy/partitioner.ts";

describe("murmur2", () => {
  // From Kafka's own UtilsTest.testMurmur2.
  test.each([
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ])("hashes %p as Java does", (text, hash) => {
    expect(murmur2(text)).toBe(hash);
  });

  test("hashes the UTF-8 bytes of text that is not ASCII", () => {
    // The bytes of these two are equal when read one to one, so the hashes must not be.
    expect(murmur2("é")).not.toBe(murmur2("Ã©"));
    for (const text of ["Grüße", "日本語", "😀 smile", "aaaé", "aaaaaaaé"])
      expect(murmur2(text)).toBe(referenceMurmur2(new TextEncoder().encode(text)));
  });

  test("agrees with the plain form on every length up to 64", () => {
    let text = "";
    for (let length = 0; length <= 64; length++) {
      expect(murmur2(text)).toBe(referenceMurmur2(new TextEncoder().encode(text)));
      text += String.fromCharCode(33 + ((length * 37) % 90));
    }
  });
});

describe("partitionOf", () => {
  test("keeps within the partitions, negative hashes included", () => {
    expect(partitionOf("21", 32)).toBe((-973932308 & 0x7fffffff) % 32);
    expect(partitionOf("21", 12)).toBe((-973932308 & 0x7fffffff) % 12);
    expect(partitionOf("", 1)).toBe(0);
  });
});

/** Java's source, line by line, with 64-bit integers so that no rounding hides. */
function referenceMurmur2(data: Uint8Array): number {
  const wrap = (value: bigint): bigint => BigInt.asUintN(32, value);
  const m = 0x5bd1e995n;
  let h = wrap(0x9747b28cn ^ BigInt(data.length));
  const words = data.length >> 2;
  for (let i = 0; i < words; i++) {
    const at = i * 4;
    let k =
      BigInt(data[at] ?? 0) +
      (BigInt(data[at + 1] ?? 0) << 8n) +
      (BigInt(data[at + 2] ?? 0) << 16n) +
      (BigInt(data[at + 3] ?? 0) << 24n);
    k = wrap(k * m);
    k ^= k >> 24n;
    k = wrap(k * m);
    h = wrap(h * m) ^ k;
  }
  const tail = data.length & ~3;
  if (data.length % 4 === 3) h ^= BigInt(data[tail + 2] ?? 0) << 16n;
  if (data.length % 4 >= 2) h ^= BigInt(data[tail + 1] ?? 0) << 8n;
  if (data.length % 4 >= 1) h = wrap((h ^ BigInt(data[tail] ?? 0)) * m);
  h ^= h >> 13n;
  h = wrap(h * m);
  h ^= h >> 15n;
  return Number(BigInt.asIntN(32, h));
}
