import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameReader, textFrame } from "../../../load/native/frame.ts";

const FIN = 0x80;

/** A server's frame: not masked. */
function serverFrame(opcode: number, payload: Uint8Array, isFinal = true): Buffer {
  const length = payload.length;
  const head = [(isFinal ? FIN : 0) | opcode];
  if (length < 126) head.push(length);
  else if (length < 65_536) head.push(126, length >>> 8, length & 255);
  else
    head.push(
      127,
      0,
      0,
      0,
      0,
      (length >>> 24) & 255,
      (length >>> 16) & 255,
      (length >>> 8) & 255,
      length & 255,
    );
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Reads a stream that is cut at these places. */
function read(stream: Buffer, cuts: readonly number[]): string[] {
  const seen: string[] = [];
  const reader = new FrameReader();
  const sink = {
    text: (bytes: Buffer, start: number, end: number) =>
      void seen.push(`text ${bytes.toString("utf8", start, end)}`),
    ping: (payload: Uint8Array) => void seen.push(`ping ${Buffer.from(payload).toString()}`),
    closed: (code: number, reason: string) => void seen.push(`closed ${code} ${reason}`),
  };
  const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].toSorted(
    (a, b) => a - b,
  );
  let from = 0;
  for (const to of [...places, stream.length]) {
    if (to > from) reader.push(stream.subarray(from, to), sink);
    from = Math.max(from, to);
  }
  return seen;
}

test("reads the same frames wherever the stream is cut", () => {
  const payload = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 60 }),
    fc.constantFrom(
      "x".repeat(125),
      "x".repeat(126),
      "ü".repeat(200),
      "x".repeat(65_535),
      "x".repeat(65_536),
    ),
  );
  const property = fc.property(
    fc.array(payload, { minLength: 1, maxLength: 8 }),
    fc.array(fc.nat({ max: 600_000 }), { maxLength: 12 }),
    (texts, cuts) => {
      const stream = Buffer.concat(texts.map((text) => serverFrame(1, Buffer.from(text))));
      expect(read(stream, cuts)).toEqual(
        texts.map((text) => `text ${Buffer.from(text).toString()}`),
      );
    },
  );
  fc.assert(property, { numRuns: 200 });
});

test("puts the fragments of a message together around a ping", () => {
  const stream = Buffer.concat([
    serverFrame(1, Buffer.from("one "), false),
    serverFrame(9, Buffer.from("p")),
    serverFrame(0, Buffer.from("two "), false),
    serverFrame(0, Buffer.from("three")),
    serverFrame(8, Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from("going")])),
  ]);
  const wanted = ["ping p", "text one two three", "closed 4000 going"];
  for (let cut = 0; cut < stream.length; cut++) expect(read(stream, [cut])).toEqual(wanted);
});

test("refuses a masked frame and reserved bits", () => {
  expect(() => read(Buffer.from([0x81, 0x80, 0, 0, 0, 0]), [])).toThrow("not a server's frame");
  expect(() => read(Buffer.from([0xc1, 0x00]), [])).toThrow("not a server's frame");
});

test("writes client frames of each length as RFC 6455 has them", () => {
  for (const length of [0, 125, 126, 65_535, 65_536]) {
    const frame = Buffer.from(textFrame("x".repeat(length)));
    expect(frame[0]).toBe(0x81);
    const short = (frame[1] as number) - 0x80;
    const wide = short === 126 ? 2 : short === 127 ? 8 : 0;
    const told =
      wide === 2 ? frame.readUInt16BE(2) : wide === 8 ? Number(frame.readBigUInt64BE(2)) : short;
    expect(told).toBe(length);
    expect(frame.readUInt32BE(2 + wide)).toBe(0);
    expect(frame.length).toBe(6 + wide + length);
  }
});
