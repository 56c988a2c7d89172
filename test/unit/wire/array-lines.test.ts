import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../../src/errors.ts";
import { arrayLines } from "../../../src/wire/array-lines.ts";

const DEPTH = 6;
const lines = (text: string): readonly string[] | string => {
  const found = arrayLines(text, DEPTH);
  return found instanceof AppError ? found.message : found.split("\n");
};

describe("the elements of an array", () => {
  test("are lines of what was written, for any array and any white space", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 3 })),
        fc.constantFrom(undefined, 1, "\t", "\r\n"),
        (values, indent) => {
          const text = JSON.stringify(values, undefined, indent).replace(/\\u2028/g, "\u2028");
          const found = arrayLines(` ${text}\n`, DEPTH);
          if (found instanceof AppError) throw found;
          const read =
            found === "" ? [] : found.split("\n").map((line) => JSON.parse(line) as unknown);
          expect(read).toEqual(JSON.parse(text) as unknown[]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("keep their text to the byte, but for line breaks between tokens", () => {
    expect(lines('[{"a" : "\\u00e9é"} ,\n{"b":\r\n1e0}]')).toEqual([
      '{"a" : "\\u00e9é"}',
      '{"b":  1e0}',
    ]);
  });

  test("are one line when there is no array", () => {
    expect(lines(' {"a":1}')).toEqual([' {"a":1}']);
    expect(lines("nonsense")).toEqual(["nonsense"]);
  });

  test("are refused as a whole when the array itself is not valid", () => {
    for (const text of ["[1,]", "[1", "[1 2]", "[] x", "[", '["a\nb"]', "[,1]"])
      expect(lines(text)).toStartWith("body is not");
    expect(lines(`[${"[".repeat(DEPTH + 1)}${"]".repeat(DEPTH + 1)}]`)).toContain(`${DEPTH} deep`);
    expect(lines(`[\n${"[".repeat(DEPTH + 1)}${"]".repeat(DEPTH + 1)}]`)).toContain(
      `${DEPTH} deep`,
    );
  });
});
