import { expect, test } from "bun:test";
import fc from "fast-check";
import { type EncodedBatch, encodeBatch } from "../../../../src/adapters/postgres/store-run.ts";
import { NOTHING_KNOWN, Sequencer } from "../../../../src/chat/sequencer.ts";
import type { StoreBatch } from "../../../../src/ports/message-store.ts";
import { encodeMessageRecord, recordTemplate } from "../../../../src/wire/record.ts";
import { packRecords } from "../../../support/packed-records.ts";

const SEED = 99;
const KEYS = ["0192f0c1-2345-7abc-8def-0123456789ab", "0192f0c1-ffff-7abc-8def-0123456789ab", "k"];

const message = fc
  .record({
    conversation: fc.constantFrom("a", "b", "räum 😀"),
    key: fc.constantFrom(...KEYS),
    text: fc.string({ unit: "grapheme", maxLength: 60 }),
    source: fc.constantFrom("gateway-0", "é"),
  })
  .map(({ conversation, key, text, source }) => ({ conversation, key, text, source }));

/** All but the runs; a view of numbers is equal to no other one when it has a NaN. */
function told(batch: EncodedBatch) {
  return { ...batch, runs: [], seconds: [...batch.seconds], release: undefined };
}

test("rows of bytes are the rows of their text", () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 30 }), (messages) => {
      const records = messages.map(({ conversation, key, text, source }, i) => {
        const origin = { tenant: "acme", conversation, sender: "ana", key: conversation, source };
        const { headers, value } = encodeMessageRecord(recordTemplate(origin), {
          key,
          id: `${key}.s${i}`,
          attempt: 1,
          fingerprint: "f1",
          timestamp: 1,
          kind: "text",
          content: JSON.stringify({ text }),
        });
        return { key: conversation, headers, value };
      });
      const sequencer = new Sequencer({
        locate: (key) => ({ tenant: "acme", conversation: key }),
        incarnation: "i",
        windowOffsets: 100,
        headsMax: 100,
      });
      const prepared = sequencer.preparePacked(packRecords(records, 70));
      const { placed } = sequencer.fold(prepared, NOTHING_KNOWN, 0);
      const batch = { topic: "t", partition: 0, incarnation: "i", ownerEpoch: 1, lastId: "x" };
      const range = { expectedOffset: 70, nextOffset: 70 + records.length };
      const bytes: StoreBatch = { ...batch, ...range, events: placed };
      const events = placed.map(
        ({ tenant, conversation, epoch, seq, offset, id, fingerprint, event }) => ({
          tenant,
          conversation,
          epoch,
          seq,
          offset,
          id,
          fingerprint,
          event,
        }),
      );
      const text: StoreBatch = { ...batch, ...range, events };
      const [one, other] = [encodeBatch(bytes, SEED), encodeBatch(text, SEED)];
      if (typeof one === "string" || typeof other === "string") throw new Error("refused");
      // How many characters a run has is exact of text, and a bound of bytes.
      const { runs } = one;
      expect(told(one)).toEqual(told(other));
      expect(runs.map((run) => ({ ...run, chars: 0 }))).toEqual(
        other.runs.map((run) => ({ ...run, chars: 0 })),
      );
      runs.forEach(({ chars }, i) =>
        expect(chars).toBeGreaterThanOrEqual(other.runs[i]?.chars ?? 0),
      );
    }),
  );
});
