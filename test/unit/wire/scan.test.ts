import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { nestsDeeper, skipValue, sliceMember } from "../../../src/wire/scan.ts";
import { anyJsonText } from "./send-arbitrary.ts";

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("skipValue", () => {
  test("reads exactly what JSON.parse takes", () => {
    const seen = { valid: 0, broken: 0 };
    const edited = fc
      .tuple(anyJsonText, fc.nat(), fc.constantFrom(...'{}[]":,\\ 01e.-+u\u001fé'.split("")))
      .map(([text, where, character]) => {
        const i = where % (text.length + 1);
        return text.slice(0, i) + character + text.slice(i + (where & 1));
      });
    fc.assert(
      fc.property(fc.oneof(anyJsonText, edited), (text) => {
        // Line breaks between tokens are the callers' matter.
        const line = text.replaceAll("\r", " ");
        const array = `[${line}]`;
        const whole = skipValue(array, 0, 32) === array.length;
        expect(whole).toBe(isJson(array));
        if (whole) seen.valid++;
        else seen.broken++;
      }),
      { numRuns: 60_000 },
    );
    expect(seen.valid).toBeGreaterThan(10_000);
    expect(seen.broken).toBeGreaterThan(5_000);
  }, 60_000);

  test("stops at every place where a text can be cut off", () => {
    const text = '{"a\\u00e9":[1.5e-3,true,false,null,{"b":"\\\\ \\" 東"},[],{}],"c":-0}';
    for (let end = 0; end < text.length; end++)
      expect(skipValue(text.slice(0, end), 0, 32)).toBe(-1);
    expect(skipValue(text, 0, 32)).toBe(text.length);
  });

  test("refuses what nests deeper than it is told, and more than 32 deep in any case", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(skipValue(nested(3), 0, 3)).toBe(6);
    expect(skipValue(nested(4), 0, 3)).toBe(-1);
    expect(skipValue(nested(32), 0, 100)).toBe(64);
    expect(skipValue(nested(33), 0, 100)).toBe(-1);
    const mixed = `${'{"a":['.repeat(16)}${"]}".repeat(16)}`;
    expect(skipValue(mixed, 0, 32)).toBe(mixed.length);
    expect(skipValue(mixed.replace("]}", "}]"), 0, 32)).toBe(-1);
  });
});

describe("nestsDeeper", () => {
  test("counts brackets outside of strings only", () => {
    expect(nestsDeeper('{"[[[[":"\\"[[[{{"}', 1)).toBe(false);
    expect(nestsDeeper('[{"a":1},{"b":2},[3]]', 2)).toBe(false);
    expect(nestsDeeper('[{"a":[1]}]', 2)).toBe(true);
  });

  test("judges text that is no JSON without harm", () => {
    expect(nestsDeeper("[".repeat(200_000), 32)).toBe(true);
    expect(nestsDeeper('"\\', 0)).toBe(false);
    expect(nestsDeeper("]]]]", 0)).toBe(false);
  });
});

describe("sliceMember", () => {
  test("gives the text of the last member of that name, however the name is written", () => {
    expect(sliceMember(' { "a" : 1 , "\\u0061" : [ 2 ] , "b":{"a":3}}', "a")).toBe("[ 2 ]");
    expect(sliceMember('{"b":{"a":3}}', "a")).toBeUndefined();
    expect(sliceMember("{}", "a")).toBeUndefined();
    expect(sliceMember('{"__proto__":{"x":1}}', "__proto__")).toBe('{"x":1}');
  });
});
