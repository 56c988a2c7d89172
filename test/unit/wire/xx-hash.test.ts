import { expect, test } from "bun:test";
import fc from "fast-check";
import { xxHash32 } from "../../../src/wire/xx-hash.ts";

test("a part of a buffer has the hash that the runtime gives it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(5), fc.integer(), (bytes, from, seed) => {
      const start = Math.min(from, bytes.length);
      const expected = Bun.hash.xxHash32(bytes.subarray(start), seed >>> 0);
      expect(xxHash32(bytes, start, bytes.length, seed >>> 0)).toBe(expected);
    }),
  );
});
