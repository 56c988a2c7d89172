import { expect, test } from "bun:test";
import fc from "fast-check";
import { FrameWriter } from "../../../../src/adapters/redis/frame-writer.ts";
import { decodePublication } from "../../../../src/adapters/redis/frame.ts";
import type { PublishedRun } from "../../../../src/ports/backplane.ts";
import { encodeMessageRecord, recordTemplate } from "../../../../src/wire/record.ts";
import { packRecords } from "../../../support/packed-records.ts";
import { plainRun } from "../../../support/plain-run.ts";

const HEAD = { ownerEpoch: 3, number: 17, count: 5 };

/** Source names that are not ASCII have the events as text inside of the record. */
function run(conversation: string, texts: readonly string[], source: string): PublishedRun {
  const origin = { tenant: "acme", conversation, sender: "ana", key: conversation, source };
  const records = texts.map((text, i) => {
    const kind = "text" as const;
    const parts = { key: `k${i}`, id: `i${i}.s`, attempt: 1, fingerprint: "f", kind, timestamp: 1 };
    const content = JSON.stringify({ text });
    const { key, headers, value } = encodeMessageRecord(recordTemplate(origin), {
      ...parts,
      content,
    });
    return { key, headers, value };
  });
  const packed = packRecords(records, 40);
  for (const record of packed) record.read();
  const events = packed.map(({ event }) => event);
  const offsets = packed.map(({ offset }) => offset);
  return { tenant: "acme", conversation, epoch: "e1", firstSeq: 7, offsets, events, packed };
}

const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 80 }), {
  minLength: 1,
  maxLength: 8,
});
const runs = fc.array(
  fc
    .tuple(fc.constantFrom("general", "räum 😀"), texts, fc.constantFrom("gateway-0", "é"))
    .map(([conversation, all, source]) => run(conversation, all, source)),
  { minLength: 1, maxLength: 6 },
);

test("what is written of bytes is read as text", () => {
  const writer = new FrameWriter();
  fc.assert(
    fc.property(runs, fc.nat(3), (all, from) => {
      for (const one of all) {
        const { packed = [] } = one;
        expect(writer.run(one, Math.min(from, packed.length - 1), packed.length)).toBe(true);
      }
      const message = decodePublication(writer.take(HEAD), () => true);
      const expected = all.map((one) => {
        const first = Math.min(from, one.events.length - 1);
        return {
          tenant: "acme",
          conversation: one.conversation,
          epoch: "e1",
          firstSeq: 7 + first,
          offsets: one.offsets.slice(first),
          events: one.events.slice(first),
        };
      });
      const read = message?.runs.map(plainRun);
      expect({ ...message, runs: read }).toEqual({ ...HEAD, runs: expected });
    }),
  );
});

test("a name with a line break is not written, and the others are", () => {
  const writer = new FrameWriter();
  const broken = run("a\nb", ["x"], "gateway-0");
  const whole = run("general", ["y"], "gateway-0");
  expect(writer.run(broken, 0, 1)).toBe(false);
  expect(writer.run(whole, 0, 1)).toBe(true);
  const read = decodePublication(writer.take(HEAD), () => true);
  expect(read?.runs.map(({ conversation }) => conversation)).toEqual(["general"]);
  expect(writer.length).toBe(0);
});
