import { describe, expect, test } from "bun:test";
import {
  NOTHING_KNOWN,
  Sequencer,
  type Folded,
  type Known,
  type SequencerOptions,
} from "../../../src/chat/sequencer.ts";
import { encodeMessageRecord, recordTemplate, type LogRecord } from "../../../src/wire/record.ts";

const W = 10;
const CONTENT = '{"text":"é 😀 \\u00e9"}';

interface Told {
  readonly id: string;
  readonly attempt?: number;
  readonly fingerprint?: string;
  readonly conversation?: string;
  readonly content?: string;
}

function record({
  id,
  attempt = 1,
  fingerprint = "f",
  conversation = "c",
  content,
}: Told): LogRecord {
  const origin = { tenant: "acme", conversation, sender: "ana", key: conversation, source: "test" };
  return encodeMessageRecord(recordTemplate(origin), {
    key: id,
    id: `${id}.scope`,
    attempt,
    kind: "text",
    timestamp: 1,
    content: content ?? CONTENT,
    fingerprint,
  });
}

function sequencer(changes: Partial<SequencerOptions> = {}): Sequencer {
  return new Sequencer({
    locate: (key) => (key === "bad" ? undefined : { tenant: "acme", conversation: key }),
    incarnation: "inc",
    windowOffsets: W,
    headsMax: 100,
    ...changes,
  });
}

/** Folds records at adjacent offsets from `from` on. */
function fold(
  one: Sequencer,
  from: number,
  records: readonly LogRecord[],
  known: Known = NOTHING_KNOWN,
  storedNext = 0,
): Folded {
  const offsets = records.map((_, i) => from + i);
  return one.fold(one.prepare(records, offsets), known, storedNext);
}

/** Records that only move the offset on. */
function filler(from: number, count: number): readonly LogRecord[] {
  return Array.from({ length: count }, (_, i) =>
    record({ id: `filler-${from + i}`, conversation: "other" }),
  );
}

const seqs = ({ placed }: Folded): readonly number[] => placed.map(({ seq }) => seq);

describe("placed", () => {
  test("each record gets the next seq of its conversation", () => {
    const folded = fold(sequencer(), 0, [
      record({ id: "a", conversation: "x" }),
      record({ id: "b", conversation: "y" }),
      record({ id: "c", conversation: "x" }),
    ]);
    expect(folded.placed.map((one) => [one.conversation, one.seq, one.offset])).toEqual([
      ["x", 1, 0],
      ["y", 1, 1],
      ["x", 2, 2],
    ]);
  });

  test("the event is the record's slice, to the byte", () => {
    const { placed } = fold(sequencer(), 0, [record({ id: "a" })]);
    expect(placed[0]?.event).toBe(
      `{"id":"a.scope","type":"message.sent","timestamp":1,"key":"a","sender":"ana","kind":"text","content":${CONTENT}}`,
    );
  });

  test("runs gather a conversation's events in order of their first offset", () => {
    const { runs } = fold(sequencer(), 5, [
      record({ id: "a", conversation: "x" }),
      record({ id: "b", conversation: "y" }),
      record({ id: "c", conversation: "x" }),
    ]);
    expect(runs.map((run) => [run.conversation, run.firstSeq, run.offsets])).toEqual([
      ["x", 1, [5, 7]],
      ["y", 1, [6]],
    ]);
  });

  test("a conversation that is not in memory goes on after its stored head", () => {
    const one = sequencer();
    const prepared = one.prepare([record({ id: "a" })], [7]);
    expect([...(prepared.needs?.heads.keys() ?? [])]).toEqual(["c"]);
    const known = { heads: new Map([["c", { epoch: "e", seq: 41 }]]), ids: new Map() };
    const [placed] = one.fold(prepared, known, 7).placed;
    expect([placed?.epoch, placed?.seq]).toEqual(["e", 42]);
  });

  test("a record of a tenant that does not live in the topic is refused, also when it comes again", () => {
    const one = sequencer();
    for (const offset of [7, 8]) {
      const prepared = one.prepare([record({ id: `a${offset}` })], [offset]);
      expect(prepared.needs?.heads.has("c")).toBe(true);
      const known = { heads: new Map(), ids: new Map(), foreign: new Set(["c"]) };
      const { placed, refused } = one.fold(prepared, known, offset);
      expect(placed).toEqual([]);
      expect(refused.map((each) => each.code)).toEqual(["malformed_record"]);
    }
  });
});

describe("epoch", () => {
  test("is minted with the first placed event, from incarnation and offset", () => {
    const one = sequencer();
    expect(fold(one, 35, [record({ id: "a" })]).placed[0]?.epoch).toBe("incz");
    expect(fold(one, 36, [record({ id: "b" })]).placed[0]?.epoch).toBe("incz");
  });

  test("is not minted by a refused record", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a", conversation: "x" })]);
    const conflict = { ...record({ id: "a", fingerprint: "other" }), key: "c" };
    expect(fold(one, 1, [conflict]).refused).toHaveLength(1);
    expect(fold(one, 2, [record({ id: "b" })]).placed[0]?.epoch).toBe("inc2");
  });
});

describe("duplicate", () => {
  test("a first try is one up to W offsets after the accepted record", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" })]);
    fold(one, 1, filler(1, W - 1));
    const folded = fold(one, W, [record({ id: "a" })]);
    expect([folded.duplicates, folded.placed.length]).toEqual([1, 0]);
  });

  test("a first try is placed again one offset later", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" })]);
    fold(one, 1, filler(1, W));
    expect(seqs(fold(one, W + 1, [record({ id: "a" })]))).toEqual([2]);
  });

  test("a first try beyond W is placed though memory still has the id", () => {
    const one = sequencer();
    // Nothing is stored, so that nothing is forgotten.
    fold(one, 0, [record({ id: "a" }), ...filler(1, 3 * W)], NOTHING_KNOWN, 0);
    expect(seqs(fold(one, 3 * W + 1, [record({ id: "a" })]))).toEqual([2]);
  });

  test.each([0, 2, 1_000])("a try number %d is one at any later offset", (attempt) => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" })]);
    fold(one, 1, filler(1, 5 * W), NOTHING_KNOWN, 1);
    const prepared = one.prepare([record({ id: "a", attempt })], [6 * W]);
    expect(prepared.needs?.ids).toEqual(["a.scope"]);
    const known = {
      heads: new Map(),
      ids: new Map([["a.scope", { offset: 0, fingerprint: "f" }]]),
    };
    expect(one.fold(prepared, known, 6 * W).duplicates).toBe(1);
  });

  test("what the store has at the record's own offset or later does not count", () => {
    const one = sequencer();
    const known = {
      heads: new Map(),
      ids: new Map([["a.scope", { offset: 3, fingerprint: "f" }]]),
    };
    const prepared = one.prepare([record({ id: "a", attempt: 2 })], [3]);
    expect(one.fold(prepared, known, 9).placed).toHaveLength(1);
  });

  test("a later try is found in what is not stored yet, however far back", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" }), ...filler(1, 5 * W)], NOTHING_KNOWN, 0);
    const prepared = one.prepare([record({ id: "a", attempt: 2 })], [6 * W]);
    expect(prepared.needs).toBeUndefined();
    expect(one.fold(prepared, NOTHING_KNOWN, 0).duplicates).toBe(1);
  });

  test("what was in memory when records were prepared is there when they are folded", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" }), ...filler(1, W - 1)], NOTHING_KNOWN, W);
    const prepared = one.prepare([record({ id: "a", attempt: 2 })], [4 * W]);
    expect(prepared.needs).toBeUndefined();
    expect(one.fold(prepared, NOTHING_KNOWN, 4 * W).duplicates).toBe(1);
  });

  test("two of one batch are one event", () => {
    const folded = fold(sequencer(), 0, [record({ id: "a" }), record({ id: "a", attempt: 2 })]);
    expect([folded.duplicates, folded.placed.length]).toEqual([1, 1]);
  });

  test("the window that is put back from the store judges as the one that was lost", () => {
    const one = sequencer();
    one.restore([{ id: "a.scope", offset: 4, fingerprint: "f" }]);
    expect(fold(one, 4 + W, [record({ id: "a" })]).duplicates).toBe(1);
    const other = sequencer();
    other.restore([{ id: "a.scope", offset: 4, fingerprint: "f" }]);
    expect(fold(other, 5 + W, [record({ id: "a" })]).placed).toHaveLength(1);
  });
});

describe("refused", () => {
  test("the same id with another fingerprint is a key conflict, first try or later", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" })]);
    const folded = fold(one, 1, [
      record({ id: "a", fingerprint: "other" }),
      record({ id: "a", attempt: 3, fingerprint: "other" }),
    ]);
    expect(folded.refused.map(({ offset, code }) => [offset, code])).toEqual([
      [1, "key_conflict"],
      [2, "key_conflict"],
    ]);
    expect(folded.refused[0]).toMatchObject({ tenant: "acme", conversation: "c" });
  });

  test("a conflict leaves the accepted record in its place", () => {
    const one = sequencer();
    fold(one, 0, [record({ id: "a" }), record({ id: "a", fingerprint: "other" })]);
    expect(fold(one, 2, [record({ id: "a", attempt: 2 })]).duplicates).toBe(1);
  });

  test("a record without our header, or with a key that is no name, is malformed", () => {
    const folded = fold(sequencer(), 0, [
      { key: "c", headers: {}, value: "anything" },
      { ...record({ id: "a" }), headers: { tidegate: "1 1 f a.scope 5 9" } },
      { ...record({ id: "b" }), key: "bad" },
    ]);
    expect(folded.refused.map(({ code }) => code)).toEqual([
      "malformed_record",
      "malformed_record",
      "malformed_record",
    ]);
    expect(folded.placed).toEqual([]);
  });

  test("a refused record uses no seq", () => {
    const one = sequencer();
    const folded = fold(one, 0, [
      record({ id: "a" }),
      record({ id: "a", fingerprint: "other" }),
      record({ id: "b" }),
    ]);
    expect(seqs(folded)).toEqual([1, 2]);
  });
});

describe("a frozen function of the log", () => {
  const log = Array.from({ length: 200 }, (_, i) =>
    record({
      id: `m${(i * 7) % 60}`,
      attempt: i % 3,
      fingerprint: i % 17 === 0 ? "g" : "f",
      conversation: `room-${i % 5}`,
      content: `{"n":${i}}`,
    }),
  );

  /** Folds the log in batches, with a store that is `lag` offsets behind. */
  function run(batch: number, lag: number, headsMax: number): readonly unknown[] {
    const one = sequencer({ headsMax });
    const heads = new Map<string, { epoch: string; seq: number }[]>();
    const rows: Folded["placed"] = [];
    const verdicts: [offset: number, ...what: unknown[]][] = [];
    for (let from = 0; from < log.length; from += batch) {
      const records = log.slice(from, from + batch);
      const offsets = records.map((_, i) => from + i);
      const storedNext = Math.max(0, from - lag);
      const prepared = one.prepare(records, offsets);
      const ids = new Map<string, { offset: number; fingerprint: string }>();
      for (const row of rows) {
        if (row.offset >= storedNext) continue;
        if (prepared.needs?.ids.includes(row.id)) ids.set(row.id, row);
        if (prepared.needs?.heads.has(row.conversation)) heads.set(row.conversation, [row]);
      }
      const known = {
        heads: new Map(
          [...heads].map(([key, [head]]) => [key, head as { epoch: string; seq: number }]),
        ),
        ids,
      };
      const folded = one.fold(prepared, known, storedNext);
      heads.clear();
      rows.push(...folded.placed);
      for (const { offset, seq, epoch } of folded.placed) verdicts.push([offset, seq, epoch]);
      for (const { offset, code } of folded.refused) verdicts.push([offset, code]);
    }
    return verdicts.toSorted(([a], [b]) => a - b);
  }

  test("batches, a store that lags and a small memory change no verdict", () => {
    const whole = run(log.length, 0, 1_000);
    expect(whole.length).toBeGreaterThan(50);
    for (const batch of [1, 3, 16, 64])
      for (const lag of [0, 5, 40, 1_000])
        for (const headsMax of [2, 4, 1_000]) expect(run(batch, lag, headsMax)).toEqual(whole);
  });

  test("content is not looked into", () => {
    const one = sequencer();
    const odd = record({ id: "a", content: '{"tidegate":"1 9 x y 1 2","id":"m1"}' });
    expect(fold(one, 0, [odd]).placed).toHaveLength(1);
  });
});

describe("memory", () => {
  test("an id leaves once it is older than W and stored", () => {
    const one = sequencer();
    fold(one, 0, filler(0, 4 * W), NOTHING_KNOWN, 0);
    expect(one.windowSize).toBe(4 * W);
    fold(one, 4 * W, filler(4 * W, 1), NOTHING_KNOWN, 4 * W);
    expect(one.windowSize).toBe(W);
  });

  test("a head leaves only when its offset is stored", () => {
    const one = sequencer({ headsMax: 4 });
    const many = Array.from({ length: 20 }, (_, i) =>
      record({ id: `a${i}`, conversation: `r${i}` }),
    );
    fold(one, 0, many, NOTHING_KNOWN, 0);
    for (let i = 0; i < 4; i++) fold(one, 20 + i, filler(20 + i, 1), NOTHING_KNOWN, 0);
    const more = many.map((_, i) => record({ id: `b${i}`, conversation: `r${i}` }));
    expect(
      one.prepare(
        more,
        more.map((_, i) => 24 + i),
      ).needs,
    ).toBeUndefined();
    for (let i = 0; i < 6; i++)
      fold(one, 24 + i, [record({ id: `c${i}`, conversation: `s${i}` })], NOTHING_KNOWN, 24 + i);
    expect(one.headCount).toBeLessThanOrEqual(5);
  });
});
