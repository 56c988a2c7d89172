import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { IngestScanner } from "../../../src/wire/ingest-scanner.ts";
import { LineReader, type Piece } from "../../../src/wire/line-reader.ts";

const LINE_MAX = 60;
const limits = limitsWith({ ingestLineBytesMax: LINE_MAX });

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Lines without line feeds: plain, of characters of all widths, too long, not UTF-8, valid events. */
const line = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.constantFrom(" ", "\r", " \t\r").map(encode),
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => encode(text.replaceAll("\n", " "))),
  fc.constantFrom("é".repeat(30), "é".repeat(31), "x".repeat(60), "x".repeat(61)).map(encode),
  fc.integer({ min: 50, max: 300 }).map((length) => encode(" ".repeat(length))),
  fc
    .constantFrom([0xff], [0xc3], [0xf0, 0x9f, 0x98], [0x61, 0x80], [0xed, 0xa0, 0x80])
    .map((b) => Uint8Array.from(b)),
  fc.constant(encode('{"type":"analytics.a","payload":{"é":"😀"}}')),
  fc.constant(encode('{"type":"analytics.a","payload":{}}\r')),
);

function joined(lines: readonly Uint8Array[], isEnded: boolean): Uint8Array {
  const parts = lines.flatMap((one) => [one, Uint8Array.of(10)]);
  return new Uint8Array(Buffer.concat(isEnded ? parts : parts.slice(0, -1)));
}

function read(chunks: readonly Uint8Array[]): Piece[] {
  const reader = new LineReader(LINE_MAX);
  const pieces: Piece[] = [];
  for (const chunk of chunks) {
    const own = Uint8Array.from(chunk);
    reader.push(own, pieces);
    // What was handed over is the caller's again.
    own.fill(33);
  }
  reader.end(pieces);
  return pieces;
}

/** What a body's lines come out as: their kinds, and what is wrong with those that are refused. */
function outcomes(pieces: readonly Piece[]): string[] {
  const scanner = new IngestScanner(limits);
  const seen: string[] = [];
  for (const piece of pieces) {
    if (piece instanceof AppError) seen.push(`${piece.code} ${piece.message}`);
    else
      for (let at = 0; at < piece.length;) {
        const end = scanner.scan(piece, at);
        const { kind, fault, event } = scanner;
        seen.push(
          kind === "fault"
            ? `${fault.code} ${fault.message}`
            : kind === "publish"
              ? `publish ${JSON.stringify(event)}`
              : kind,
        );
        at = end + 1;
      }
  }
  return seen;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  );
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

describe("the lines of a body", () => {
  test("come out the same wherever its chunks end", () => {
    let cuts = 0;
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 8 }),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 12 }),
        (lines, isEnded, places) => {
          const bytes = joined(lines, isEnded);
          const whole = outcomes(read([bytes]));
          expect(outcomes(read(cut(bytes, places)))).toEqual(whole);
          expect(outcomes(read([...bytes].map((byte) => Uint8Array.of(byte))))).toEqual(whole);
          // A body that ends with a line feed has no line behind it, nor has an empty one.
          const count = bytes.length === 0 ? 0 : lines.length;
          const isOneLess = !isEnded && lines.at(-1)?.length === 0;
          expect(whole).toHaveLength(count - (isOneLess && count > 0 ? 1 : 0));
          if (places.length > 0) cuts++;
        },
      ),
      { numRuns: 4_000 },
    );
    expect(cuts).toBeGreaterThan(1_000);
  });

  test("are judged each for itself: what is too long or no UTF-8 leaves its neighbours alone", () => {
    const good = encode('{"type":"analytics.a","payload":{}}');
    const bad = Uint8Array.from([0x7b, 0xff, 0x7d]);
    const long = encode("y".repeat(LINE_MAX * 50));
    const seen = outcomes(read([joined([good, bad, good, long, good], false)]));
    expect(seen.map((one) => one.split(" ")[0])).toEqual([
      "publish",
      "invalid_event",
      "publish",
      "content_too_large",
      "publish",
    ]);
  });

  test("that are too long are not held, however long they become", () => {
    const reader = new LineReader(LINE_MAX);
    const pieces: Piece[] = [];
    const chunk = encode("z".repeat(LINE_MAX));
    for (let i = 0; i < 1_000; i++) reader.push(chunk, pieces);
    reader.push(encode("\nshort"), pieces);
    reader.end(pieces);
    expect(pieces.map((piece) => (typeof piece === "string" ? piece : piece.code))).toEqual([
      "content_too_large",
      "short",
    ]);
  });
});
