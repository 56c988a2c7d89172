import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FrameWriter } from "../../../../src/adapters/redis/frame-writer.ts";
import {
  decodeBeat,
  decodePublication,
  decodeRefusal,
  encodeBeat,
  encodeHead,
  encodeRefusal,
} from "../../../../src/adapters/redis/frame.ts";
import type { PublishedRun } from "../../../../src/ports/backplane.ts";
import { encodeEventPush } from "../../../../src/wire/reply.ts";
import { plainRun } from "../../../support/plain-run.ts";

const HEAD = { ownerEpoch: 3, number: 17, count: 5 };
const all = (): boolean => true;

function run(changes: Partial<PublishedRun> = {}): PublishedRun {
  return {
    tenant: "acme",
    conversation: "räum 😀 a b",
    epoch: "e1",
    firstSeq: 7,
    offsets: [41, 43, 44],
    events: ['{"text":"é\\u0000 😀 \\ud83d"}', "{}", '{"a":"\\n\\t"}'],
    ...changes,
  };
}

function encode(...runs: readonly PublishedRun[]): string {
  const writer = new FrameWriter();
  for (const one of runs) expect(writer.run(one, 0, one.events.length)).toBe(true);
  return writer.take(HEAD).toString();
}

/** A message of a part of a run. */
function encodePart(run: PublishedRun, from: number, to: number): string {
  const writer = new FrameWriter();
  expect(writer.run(run, from, to)).toBe(true);
  return writer.take(HEAD).toString();
}

/** What is read of a text as Redis brings it, with the events that its lines are made of. */
function decoded(text: string, wanted: (tenant: string, conversation: string) => boolean = all) {
  const message = decodePublication(Buffer.from(text), wanted);
  return message && { ...message, runs: message.runs.map(plain) };
}

/** A run as it was encoded. */
function plain(heard: PublishedRun): PublishedRun {
  const { conversation, firstSeq, events } = heard;
  const name = JSON.stringify(conversation);
  expect(heard.lines).toBe(
    events.map((event, i) => encodeEventPush(name, firstSeq + i, event)).join("\n"),
  );
  return plainRun(heard);
}

describe("a publication", () => {
  test("comes back unaltered", () => {
    const runs = [run(), run({ conversation: "b", firstSeq: 1, offsets: [0], events: ["{}"] })];
    expect(decoded(encode(...runs))).toEqual({ ...HEAD, runs });
  });

  test("comes back whatever is in names and events but line breaks and tabs", () => {
    const name = fc
      .string({ unit: "grapheme", maxLength: 20 })
      .filter((text) => !/[\n\t]/.test(text));
    const events = fc.array(
      fc.string({ unit: "grapheme", maxLength: 50 }).filter((text) => !text.includes("\n")),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ tenant: name, conversation: name, epoch: name, events }), {
          maxLength: 4,
        }),
        fc.nat(),
        (parts, from) => {
          const runs = parts.map((part) => ({
            ...part,
            firstSeq: from,
            offsets: part.events.map((_, i) => from + 3 * i),
          }));
          expect(decoded(encode(...runs))?.runs).toEqual(runs);
        },
      ),
    );
  });

  test("brings the traces of its events, and a part of a run those of its own", () => {
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const traced = run({
      traces: [
        { index: 0, traceparent },
        { index: 2, traceparent: traceparent.replaceAll("a", "c") },
      ],
    });
    const message = decoded(encode(traced, run()));
    expect(message?.runs).toEqual([traced, run()]);
    const part = encodePart(traced, 1, 3);
    expect(decoded(part)?.runs[0]?.traces).toEqual([
      { index: 1, traceparent: traceparent.replaceAll("a", "c") },
    ]);
    const untraced = encodePart(traced, 1, 2);
    expect(decoded(untraced)?.runs[0]).not.toHaveProperty("traces");
  });

  test("gives only the runs that are wanted", () => {
    const text = encode(run({ tenant: "rival" }), run(), run({ conversation: "other" }));
    const message = decoded(
      text,
      (tenant, conversation) => tenant === "acme" && conversation !== "other",
    );
    expect(message?.runs).toEqual([run()]);
  });

  test("gives a part of a run with its own first seq and offsets", () => {
    const part = encodePart(run(), 1, 3);
    expect(decoded(part)?.runs).toEqual([
      run({ firstSeq: 8, offsets: [43, 44], events: run().events.slice(1) }),
    ]);
  });

  test("brings offsets however far apart, and however many follow each other", () => {
    const stretches = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 600 })),
      {
        minLength: 1,
        maxLength: 4,
      },
    );
    fc.assert(
      fc.property(fc.nat(), stretches, (first, list) => {
        const offsets = [first];
        for (const [gap, count] of list)
          for (let i = 0; i < count; i++)
            offsets.push((offsets.at(-1) as number) + (i === 0 ? gap : 1));
        const long = run({ offsets, events: offsets.map((offset) => `{"o":${offset}}`) });
        expect(decoded(encode(long))?.runs).toEqual([long]);
      }),
      { numRuns: 30 },
    );
  });

  test.each(["a\tb", "a\nb"])("has no names that would break it: %j", (name) => {
    const writer = new FrameWriter();
    expect(writer.run(run({ conversation: name }), 0, 3)).toBe(false);
    expect(writer.run(run({ tenant: name }), 0, 3)).toBe(false);
    expect(writer.run(run({ epoch: name }), 0, 3)).toBe(false);
  });

  test("that is cut short anywhere is none", () => {
    const bytes = Buffer.from(encode(run(), run({ conversation: "b" })));
    const ends = new Set([encodeHead(HEAD).length, Buffer.byteLength(encode(run()))]);
    for (let length = 0; length < bytes.length; length++)
      if (!ends.has(length))
        expect(decodePublication(bytes.subarray(0, length), all)).toBeUndefined();
  });

  test("with anything changed throws nothing, and never gives a run of another shape", () => {
    const text = encode(run(), run({ conversation: "b" }));
    fc.assert(
      fc.property(
        fc.nat({ max: text.length }),
        fc.nat({ max: 10 }),
        fc.string({ maxLength: 6 }),
        (at, remove, insert) => {
          const broken = text.slice(0, at) + insert + text.slice(at + remove);
          for (const one of decodePublication(Buffer.from(broken), all)?.runs ?? []) {
            expect(one.events.length).toBe(one.offsets.length);
            expect(one.events.length).toBeGreaterThan(0);
            expect(Number.isSafeInteger(one.firstSeq)).toBe(true);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test.each([
    "",
    "1",
    "2p",
    "2p\n",
    "2p1 2\n",
    "2p1 2 3 4\n",
    "2p-1 2 3\n",
    "2p1.5 2 3\n",
    "1p1 2 3\n",
    "hello",
    "2p1 2 3\n9999999999999999\ta\tb",
  ])("is not what is foreign: %j", (text) =>
    expect(decodePublication(Buffer.from(text), all)).toBeUndefined(),
  );
});

describe("a beat", () => {
  const beat = {
    topic: "t",
    partition: 1,
    ownerEpoch: 2,
    number: 5,
    publishedThrough: 44,
    storedThrough: 40,
  };
  const { topic: _topic, partition: _partition, ...told } = beat;

  test("comes back with the number of each lane", () => {
    expect(decodeBeat(encodeBeat(beat, [0, 3, 2]), 3)).toEqual({ ...told, counts: [0, 3, 2] });
  });

  test("of another number of lanes is none", () => {
    expect(decodeBeat(encodeBeat(beat, [0, 3, 2]), 4)).toBeUndefined();
  });

  test.each(["", "1b", "1b1 2 3 4", "1b1 2 3\n0", "1b1 2 3 x\n0", "1p1 2 3 4\n0"])(
    "is not what is foreign: %j",
    (text) => expect(decodeBeat(text, 1)).toBeUndefined(),
  );
});

describe("a refusal", () => {
  const refusal = {
    tenant: "acme",
    user: "ana\n\t",
    conversation: "räum",
    key: "k",
    message: "m",
    code: "key_conflict",
    origin: "t/0/7",
  };

  test("comes back", () => expect(decodeRefusal(encodeRefusal(refusal))).toEqual(refusal));

  test.each(["", "1r", "1r{}", "1r[1,2,3,4,5,6,7]", '1r["a"]', "1r[", "2p"])(
    "is not what is foreign: %j",
    (text) => expect(decodeRefusal(text)).toBeUndefined(),
  );
});
