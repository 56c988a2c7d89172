import { expect, test } from "bun:test";
import fc from "fast-check";
import { NOTHING_KNOWN, Sequencer, type Folded } from "../../../src/chat/sequencer.ts";
import {
  encodeMessageRecord,
  type LogRecord,
  parseVerdictHeader,
  recordTemplate,
  sliceEvent,
} from "../../../src/wire/record.ts";
import { packRecords } from "../../support/packed-records.ts";
import { plainRun } from "../../support/plain-run.ts";

const name = fc.oneof(
  fc.constantFrom("general", "räum", "部屋 😀", "bad"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
);

/** Well-formed messages, few ids and conversations, so that they meet. */
const message: fc.Arbitrary<LogRecord> = fc
  .record({
    conversation: name,
    source: fc.constantFrom("gateway-0", "passerelle-é"),
    id: fc.constantFrom("a", "b", "c", "dé", 'q"uote'),
    attempt: fc.constantFrom(0, 1, 1, 1, 2, 9_999_999),
    fingerprint: fc.constantFrom("f", "f", "g"),
    text: fc.string({ unit: "grapheme", maxLength: 40 }),
  })
  .map(({ conversation, source, id, attempt, fingerprint, text }) => {
    const origin = { tenant: "acme", conversation, sender: "ana", key: conversation, source };
    const parts = { key: id, id: `${id}.s`, attempt, fingerprint, kind: "text", timestamp: 1 };
    const content = JSON.stringify({ text });
    const { key, headers, value } = encodeMessageRecord(recordTemplate(origin), {
      ...parts,
      kind: "text",
      content,
    });
    return { key, headers, value };
  });

/** Something else in the header or value, where it matters. */
const damaged: fc.Arbitrary<LogRecord> = fc
  .tuple(
    message,
    fc.nat(),
    fc.nat(3),
    fc.constantFrom("", " ", "1", "é", '"', "\\", "}", "-", "😀"),
  )
  .map(([record, at, cut, insert]) => {
    const header = record.headers["tidegate"] as string;
    const change = (text: string) => {
      const place = at % (text.length + 1);
      return (text.slice(0, place) + insert + text.slice(place + cut)).toWellFormed();
    };
    return at % 2 === 0
      ? { ...record, headers: { tidegate: change(header) } }
      : { ...record, value: change(record.value) };
  });

const foreign: fc.Arbitrary<LogRecord> = fc.record({
  key: name,
  headers: fc.dictionary(fc.constantFrom("tidegate", "other"), fc.string({ maxLength: 20 }), {
    noNullPrototype: true,
  }),
  value: fc.string({ unit: "grapheme", maxLength: 60 }),
});

const records = fc.array(
  fc.oneof({ weight: 6, arbitrary: message }, { weight: 3, arbitrary: damaged }, foreign),
  { minLength: 1, maxLength: 30 },
);

function sequencer(): Sequencer {
  return new Sequencer({
    locate: (key) => (key === "bad" ? undefined : { tenant: "acme", conversation: key }),
    incarnation: "inc",
    windowOffsets: 12,
    headsMax: 100,
    hashSeed: 7,
  });
}

/** As plain data. */
function told({ placed, runs, refused, duplicates }: Folded) {
  return {
    placed: placed.map(({ tenant, conversation, epoch, seq, offset, id, fingerprint, event }) => ({
      tenant,
      conversation,
      epoch,
      seq,
      offset,
      id,
      fingerprint,
      event,
    })),
    runs: runs.map(plainRun),
    refused: refused.map(({ offset, record, code, header, tenant, conversation }) => ({
      offset,
      record,
      code,
      id: header?.id,
      tenant,
      conversation,
    })),
    duplicates,
  };
}

test("a record's bytes say what its text says", () => {
  fc.assert(
    fc.property(fc.oneof(message, damaged, foreign), (record) => {
      const [packed] = packRecords([record]);
      if (packed === undefined) throw new Error("nothing was packed");
      const header = parseVerdictHeader(record);
      expect(packed.read()).toBe(header !== undefined);
      expect(packed.decode()).toEqual(record);
      if (header === undefined) return;
      const { attempt, fingerprint, id } = header;
      const event = sliceEvent(record, header);
      expect(packed).toMatchObject({ attempt, fingerprint, id, event });
      const target = Buffer.alloc(packed.eventBytes + 1);
      // A damaged header may cut a character in two, of which UTF-8 knows no halves.
      const written = Buffer.from(event).toString();
      expect(target.toString("utf8", 1, packed.copyEvent(target, 1))).toBe(written);
      if (packed.text !== undefined) return;
      const end = packed.copyEventRest(target, 0);
      expect(`{"id":"${id}"${target.toString("utf8", 0, end)}`).toBe(event);
    }),
    { numRuns: 2_000 },
  );
});

test("verdicts of bytes are those of text", () => {
  fc.assert(
    fc.property(
      fc.array(records, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      (batches, stored) => {
        const [text, bytes] = [sequencer(), sequencer()];
        let offset = 0;
        for (const batch of batches) {
          const offsets = batch.map((_, i) => offset + i);
          const storedNext = stored ? offset : 0;
          const prepared = text.prepare(batch, offsets);
          const packed = bytes.preparePacked(packRecords(batch, offset));
          expect(packed.needs).toEqual(prepared.needs);
          expect(packed.count).toBe(prepared.count);
          expect(packed.lastId).toBe(prepared.lastId);
          expect(packed.lastOffset).toBe(prepared.lastOffset);
          const expected = told(text.fold(prepared, NOTHING_KNOWN, storedNext));
          expect(told(bytes.fold(packed, NOTHING_KNOWN, storedNext))).toEqual(expected);
          expect(bytes.windowSize).toBe(text.windowSize);
          offset += batch.length;
        }
      },
    ),
    { numRuns: 400 },
  );
});
