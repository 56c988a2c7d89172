import { describe, expect, test } from "bun:test";
import { Recount } from "../../../consumers/auditor/recount.ts";
import { Sequencer, NOTHING_KNOWN } from "../../../src/chat/sequencer.ts";
import type { PlacedEvent } from "../../../src/ports/message-store.ts";
import { encodeMessageRecord, recordTemplate, type LogRecord } from "../../../src/wire/record.ts";

function record(key: string, conversation = "general"): LogRecord {
  const origin = { tenant: "acme", conversation, sender: "ana", key: conversation, source: "test" };
  return encodeMessageRecord(recordTemplate(origin), {
    key,
    id: `${key}.scope`,
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: "{}",
    fingerprint: "f",
  });
}

function placedOf(records: readonly LogRecord[]): PlacedEvent[] {
  const sequencer = new Sequencer({
    locate: (key) => ({ tenant: "acme", conversation: key }),
    incarnation: "i",
    windowOffsets: 100,
    headsMax: 100,
  });
  const offsets = records.map((_, i) => i);
  return sequencer.fold(sequencer.prepare(records, offsets), NOTHING_KNOWN, 0).placed;
}

const records = [record("k1"), record("k2", "random"), record("k3"), record("k1"), record("k4")];
const offsets = records.map((_, i) => i);
const clean = { altered: 0, reordered: 0, duplicated: 0 };

describe("recount", () => {
  test("finds nothing where the store has what the log says, and names the repeat", () => {
    const found = new Recount(100).compare(records, offsets, placedOf(records));
    expect(found).toEqual({ ...clean, unplaced: [{ id: "k1.scope", offset: 3, key: "general" }] });
  });

  test("names a record that has no event", () => {
    const events = placedOf(records).filter((event) => event.offset !== 2);
    const found = new Recount(100).compare(records, offsets, events);
    expect(found.unplaced.map((one) => one.offset)).toEqual([2, 3]);
    // Its place in the conversation is a hole.
    expect(found.reordered).toBe(1);
  });

  test("counts an id that was placed twice", () => {
    const events = placedOf(records);
    const repeated = { ...(events[0] as PlacedEvent), offset: 3, seq: 3 };
    const again = [...events.slice(0, 3), repeated, { ...(events[3] as PlacedEvent), seq: 4 }];
    expect(new Recount(100).compare(records, offsets, again)).toMatchObject({
      duplicated: 1,
      reordered: 0,
    });
  });

  test("counts an event that is not the record at its offset, and one without a record", () => {
    const events = placedOf(records);
    const wrong = events.map((event) =>
      event.offset === 1 ? { ...event, id: "other.scope" } : event,
    );
    expect(new Recount(100).compare(records, offsets, wrong).altered).toBe(1);
    const extra = [
      ...events,
      { ...(events[0] as PlacedEvent), id: "new.scope", offset: 99, seq: 4 },
    ];
    expect(new Recount(100).compare(records, offsets, extra).altered).toBe(1);
  });

  test("reports no false fault for what it has forgotten", () => {
    const recount = new Recount(1);
    for (let i = 0; i < records.length; i++) {
      const events = placedOf(records).filter((event) => event.offset === i);
      const found = recount.compare([records[i] as LogRecord], [i], events);
      expect(found).toMatchObject(clean);
    }
  });
});
