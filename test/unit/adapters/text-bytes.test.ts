import { expect, test } from "bun:test";
import fc from "fast-check";
import { TextBytes } from "../../../src/adapters/sqlite/text-bytes.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("", "a".repeat(65_530), "é".repeat(40_000), "😀".repeat(20_000), "\ud83d"),
);

test("texts stand one behind the other as UTF-8, however much room there was at first", () => {
  fc.assert(
    fc.property(
      fc.array(text, { maxLength: 30 }),
      fc.nat(200_000),
      fc.option(fc.nat(140_000), { nil: undefined }),
      (texts, chars, spare) => {
        const buffer = spare === undefined ? undefined : new ArrayBuffer(spare);
        const bytes = new TextBytes(buffer, chars);
        for (const one of texts) {
          expect(bytes.add(one)).toBe(Buffer.byteLength(one));
          bytes.addByte(10);
        }
        const expected = Buffer.from(texts.map((one) => `${one}\n`).join(""));
        expect(Buffer.from(bytes.buffer, 0, bytes.length).equals(expected)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});
