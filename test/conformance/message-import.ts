import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { IMPORT_OFFSET_FIRST, type ImportedRun } from "../../src/chat/import-fold.ts";
import type { ImportTotals, MovableStore } from "../../src/ports/message-import.ts";
import { batchOf, codeOf, placed, range, TOPIC } from "./message-store-kit.ts";

export interface ImportFixture {
  readonly store: MovableStore;
  dispose(): Promise<void>;
}

const ODD = 'ä "\\ \u{1f44b}\u2028';

/** Events `seqFirst` … of a conversation, as another store gave them. */
function run(conversation: string, seqFirst: number, count: number, partition = 0): ImportedRun {
  return {
    conversation,
    partition,
    epoch: "old.7",
    seqFirst,
    events: Array.from({ length: count }, (_, i) => {
      const { id, fingerprint } = placed(seqFirst + i, {});
      const own = `${id}-${Buffer.from(conversation).toString("hex")}`;
      const text = JSON.stringify({ text: `${ODD} ${seqFirst + i}` });
      return { id: own, fingerprint, event: `{"id":"${own}","content":${text}}` };
    }),
  };
}

async function* given(...parts: readonly (readonly ImportedRun[])[]) {
  for (const part of parts) yield part;
}

const idsOf = ({ events }: ImportedRun): readonly string[] => events.map(({ id }) => id);

/** The obligations of a store that tenants leave and come to. */
export function messageImportSuite(name: string, create: () => Promise<ImportFixture>): void {
  describe(`message import: ${name}`, () => {
    let fixture: ImportFixture;
    let store: MovableStore;

    beforeEach(async () => {
      fixture = await create();
      store = fixture.store;
    });
    afterEach(() => fixture.dispose());

    const load = (
      runs: AsyncIterable<readonly ImportedRun[]>,
      tenant = "acme",
    ): Promise<ImportTotals> =>
      store.importTenant({ tenant, topic: TOPIC.topic, partitions: 2, runs });

    test("what is imported is read with its seqs, ids, epoch and bytes", async () => {
      const [one, two] = [run(`räume ${ODD}`, 1, 300), run("other", 41, 3, 1)];
      const more = run(`räume ${ODD}`, 301, 20);
      expect(await load(given([one, two], [more]))).toEqual({ conversations: 2, events: 323 });
      const page = await store.history(range({ conversation: `räume ${ODD}` }));
      expect(page).toEqual({
        epoch: "old.7",
        seq: 320,
        floor: 1,
        events: [...one.events, ...more.events].map(({ event }, i) => ({ seq: i + 1, event })),
      });
      const other = await store.history(range({ conversation: "other", order: "down" }));
      expect(other).toMatchObject({ epoch: "old.7", seq: 43, floor: 41 });
      expect(other.events.map(({ seq }) => seq)).toEqual([41, 42, 43]);
    });

    test("conversations come page by page with their heads, and only the tenant's own", async () => {
      const names = ["a", "b", "c", "d", ODD];
      await load(given(names.map((conversation, i) => run(conversation, 1, i + 1))));
      await load(given([run("foreign", 1, 1)]), "globex");
      const found = [];
      for (let after = ""; ;) {
        const page = await store.conversations("acme", after, 2);
        if (page.length === 0) break;
        found.push(...page);
        after = page.at(-1)?.conversation ?? "";
      }
      expect(new Map(found.map((one) => [one.conversation, one.seq]))).toEqual(
        new Map(names.map((conversation, i) => [conversation, i + 1])),
      );
      expect(found).toHaveLength(names.length);
    });

    test("a conversation whose events are all gone keeps its head", async () => {
      await load(given([{ ...run("old", 8, 0) }]));
      expect((await store.heads("acme", ["old"])).get("old")).toEqual({
        epoch: "old.7",
        seq: 7,
        floor: 8,
      });
      expect((await store.history(range({ conversation: "old" }))).events).toEqual([]);
      const { ownerEpoch } = await store.acquire(TOPIC);
      const next = placed(0, { conversation: "old", epoch: "old.7", seq: 8 });
      await store.commit(batchOf([next], { ownerEpoch }));
      expect((await store.history(range({ conversation: "old" }))).events).toHaveLength(1);
    });

    test("the next event follows the imported head in its epoch", async () => {
      await load(given([run("general", 1, 5)]));
      const { ownerEpoch, incarnation, nextOffset } = await store.acquire(TOPIC);
      expect({ incarnation, nextOffset }).toEqual({ incarnation: undefined, nextOffset: 0 });
      const wrong = placed(0, { epoch: "old.7", seq: 7 });
      expect(await codeOf(store.commit(batchOf([wrong], { ownerEpoch })))).toBe("row_refused");
      const next = placed(0, { epoch: "old.7", seq: 6 });
      await store.commit(batchOf([next], { ownerEpoch }));
      const page = await store.history(range());
      expect(page.epoch).toBe("old.7");
      expect(page.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    });

    test("imported ids are found below every offset of the log, and a later one in its place", async () => {
      const moved = run("general", 1, 50);
      await load(given([moved]));
      const ids = idsOf(moved);
      const found = await store.findIds(TOPIC, ids);
      expect([...found.keys()].toSorted()).toEqual(ids.toSorted());
      for (const { offset } of found.values()) expect(offset).toBeLessThan(0);
      expect(found.get(ids[3] as string)?.fingerprint).toBe(moved.events[3]?.fingerprint as string);
      expect((await store.findIds({ ...TOPIC, partition: 1 }, ids)).size).toBe(0);
      const { ownerEpoch } = await store.acquire(TOPIC);
      const again = placed(4, { id: ids[3] as string, epoch: "old.7", seq: 51 });
      await store.commit(batchOf([again], { ownerEpoch, expectedOffset: 0 }));
      expect((await store.findIds(TOPIC, ids)).get(ids[3] as string)?.offset).toBe(4);
    });

    test("windows and feeds from 0 on have nothing of it, a feed from the first import has all", async () => {
      const moved = [run("a", 1, 4), run("b", 1, 3)];
      await load(given(moved));
      await load(given([run("c", 1, 2)]), "globex");
      const { ownerEpoch } = await store.acquire(TOPIC);
      const own = placed(0, { conversation: "own" });
      await store.commit(batchOf([own], { ownerEpoch }));
      expect(await store.window(TOPIC, 0)).toHaveLength(1);
      expect(await store.feed(TOPIC, 0, 100)).toEqual({ events: [own], nextOffset: 1 });
      const all = [];
      let from = IMPORT_OFFSET_FIRST;
      while (from < 1) {
        const page = await store.feed(TOPIC, from, 2);
        expect(page.nextOffset).toBeGreaterThan(from);
        for (const event of page.events) expect(event.offset).toBeGreaterThanOrEqual(from);
        all.push(...page.events);
        from = page.nextOffset;
      }
      expect(all.map(({ id }) => id)).toEqual([
        ...moved.flatMap(idsOf),
        ...idsOf(run("c", 1, 2)),
        own.id,
      ]);
      const offsets = all.map(({ offset }) => offset);
      expect(new Set(offsets).size).toBe(10);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      expect(await store.offsets()).toEqual([{ ...TOPIC, nextOffset: 1 }]);
    });

    test("a worker that had a partition before cannot store any more", async () => {
      const { ownerEpoch } = await store.acquire({ ...TOPIC, partition: 1 });
      await load(given([run("general", 1, 1)]));
      const stale = batchOf([placed(0, { conversation: "x" })], { partition: 1, ownerEpoch });
      expect(await codeOf(store.commit(stale))).toBe("fenced");
    });

    test("an import into a tenant with messages is refused and changes nothing", async () => {
      await load(given([run("general", 1, 2)]));
      expect(await codeOf(load(given([run("more", 1, 1)])))).toBe("invalid_command");
      expect((await store.heads("acme", ["general", "more"])).size).toBe(1);
    });

    test("an import that ends early leaves nothing, and can be repeated", async () => {
      async function* broken() {
        yield [run("general", 1, 100)];
        yield [run("other", 1, 100, 1)];
        throw new Error("the file ends here");
      }
      await expect(load(broken())).rejects.toThrow();
      expect((await store.heads("acme", ["general", "other"])).size).toBe(0);
      expect((await store.findIds(TOPIC, idsOf(run("general", 1, 100)))).size).toBe(0);
      const { ownerEpoch } = await store.acquire(TOPIC);
      await store.commit(batchOf([placed(0, { tenant: "globex" })], { ownerEpoch }));
      expect(await load(given([run("general", 1, 100)]))).toEqual({
        conversations: 1,
        events: 100,
      });
      expect((await store.history(range())).events).toHaveLength(100);
    });

    const faults: readonly [string, readonly ImportedRun[]][] = [
      ["a hole in a conversation", [run("a", 1, 2), run("a", 4, 1)]],
      ["a conversation in two epochs", [run("a", 1, 2), { ...run("a", 3, 1), epoch: "e2" }]],
      ["a conversation in two partitions", [run("a", 1, 2), run("a", 3, 1, 1)]],
      ["a partition that is not there", [run("a", 1, 1, 2)]],
      ["seq 0", [run("a", 0, 1)]],
      ["an empty epoch", [{ ...run("a", 1, 1), epoch: "" }]],
      [
        "a line break in an event",
        [{ ...run("a", 1, 0), events: [{ id: "i", fingerprint: "f", event: "{\n}" }] }],
      ],
      [
        "an id that is no token",
        [{ ...run("a", 1, 0), events: [{ id: "i i", fingerprint: "f", event: "{}" }] }],
      ],
    ];
    test.each(faults)("%s refuses the import", async (_, runs) => {
      expect(await codeOf(load(given([run("good", 1, 1)], runs)))).toBe("row_refused");
      expect((await store.heads("acme", ["good", "a"])).size).toBe(0);
    });
  });
}
