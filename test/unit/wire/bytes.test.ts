import { expect, test } from "bun:test";
import fc from "fast-check";
import { digitsOf, writeDigits, writeNumber } from "../../../src/wire/decimal.ts";
import { writeLatin1 } from "../../../src/wire/latin1.ts";

const room = fc.nat({ max: 20 });

test("writes a whole number as its text has it", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), room, (number, from) => {
      const target = Buffer.alloc(64, "-");
      const end = writeNumber(number, target, from);
      expect(end - from).toBe(digitsOf(number));
      expect(target.toString()).toBe(`${"-".repeat(from)}${number}`.padEnd(64, "-"));
    }),
  );
});

test("fills a field with a number and the zeros before it", () => {
  const target = Buffer.alloc(8, "-");
  writeDigits(1_203, target, 1, 7);
  expect(target.toString()).toBe("-001203-");
});

test("writes a text of one byte a character, whatever it is a part of", () => {
  const latin = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((c) => String.fromCharCode(c)),
  });
  fc.assert(
    fc.property(latin, latin, room, (before, text, from) => {
      const target = Buffer.alloc(4_096, 7);
      const part = `${before}${text}漢`.slice(before.length, -1);
      const end = writeLatin1(part, target, from);
      expect(target.toString("latin1", from, end)).toBe(text);
      expect(target[end]).toBe(7);
    }),
  );
});
