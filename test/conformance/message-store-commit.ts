import { describe, expect, test } from "bun:test";
import type { PlacedEvent } from "../../src/ports/message-store.ts";
import { batchOf, codeOf, placed, type StoreKit, TOPIC } from "./message-store-kit.ts";

/** What a commit checks, and what it refuses. */
export function storeCommitTests(kit: StoreKit): void {
  describe("ownership", () => {
    test("a partition that was never stored starts at 0 without incarnation", async () => {
      expect(await kit.store.acquire(TOPIC)).toEqual({
        ownerEpoch: 1,
        incarnation: undefined,
        nextOffset: 0,
        lastId: "",
      });
    });

    test("each acquire raises the owner epoch of that partition only", async () => {
      await kit.store.acquire(TOPIC);
      expect((await kit.store.acquire(TOPIC)).ownerEpoch).toBe(2);
      expect((await kit.store.acquire({ ...TOPIC, partition: 1 })).ownerEpoch).toBe(1);
      expect((await kit.store.acquire({ ...TOPIC, topic: "other" })).ownerEpoch).toBe(1);
    });

    test("the next owner gets what the last one stored", async () => {
      const events = await kit.seed(3);
      expect(await kit.store.acquire(TOPIC)).toEqual({
        ownerEpoch: 2,
        incarnation: "i1",
        nextOffset: 3,
        lastId: events[2]?.id as string,
      });
    });

    test("an earlier owner's commit is fenced and changes nothing", async () => {
      await kit.seed(1);
      await kit.store.acquire(TOPIC);
      expect(await codeOf(kit.store.commit(batchOf([placed(1)])))).toBe("fenced");
      expect(await kit.seqs({})).toEqual([1]);
      expect(await codeOf(kit.store.commit(batchOf([placed(1)], { ownerEpoch: 2 })))).toBe(
        "resolved",
      );
    });

    test("a commit to a partition that nobody acquired is fenced", async () => {
      expect(await codeOf(kit.store.commit(batchOf([placed(0)])))).toBe("fenced");
    });

    test("a commit for another incarnation of the topic is refused", async () => {
      await kit.seed(1);
      const batch = batchOf([placed(1)], { incarnation: "i2" });
      expect(await codeOf(kit.store.commit(batch))).toBe("topic_recreated");
      expect((await kit.store.acquire(TOPIC)).nextOffset).toBe(1);
    });
  });

  describe("offsets", () => {
    test("a batch that was applied is refused when it is repeated, and the state says how far it is", async () => {
      const events = await kit.seed(2);
      expect(await codeOf(kit.store.commit(batchOf(events)))).toBe("offset_mismatch");
      expect((await kit.store.acquire(TOPIC)).nextOffset).toBe(2);
      expect(await kit.seqs({})).toEqual([1, 2]);
    });

    test("a batch that leaves offsets out is refused", async () => {
      await kit.seed(1);
      const gap = batchOf([placed(2, { seq: 2 })]);
      expect(await codeOf(kit.store.commit(gap))).toBe("offset_mismatch");
    });

    test("an empty batch moves the offset over what was not placed", async () => {
      await kit.store.acquire(TOPIC);
      await kit.store.commit(batchOf([], { nextOffset: 7, lastId: "dropped" }));
      expect(await kit.store.acquire(TOPIC)).toEqual({
        ownerEpoch: 2,
        incarnation: "i1",
        nextOffset: 7,
        lastId: "dropped",
      });
    });

    test("offsets lists the partitions that have one", async () => {
      expect(await kit.store.offsets()).toEqual([]);
      await kit.store.acquire({ ...TOPIC, partition: 5 });
      await kit.seed(2);
      expect(await kit.store.offsets()).toEqual([{ ...TOPIC, nextOffset: 2 }]);
    });

    test("partitions commit side by side", async () => {
      const partitions = Array.from({ length: 8 }, (_, partition) => ({ ...TOPIC, partition }));
      await Promise.all(partitions.map((partition) => kit.store.acquire(partition)));
      await Promise.all(
        partitions.map(({ partition }) => {
          const conversation = `room-${partition}`;
          return kit.store.commit(batchOf([placed(0, { conversation })], { partition }));
        }),
      );
      expect(await kit.store.offsets()).toHaveLength(8);
      const heads = await kit.store.heads(
        "acme",
        partitions.map((_, i) => `room-${i}`),
      );
      expect(heads.size).toBe(8);
    });

    test("of batches committed at once only the ones at fault are refused", async () => {
      const other = { ...TOPIC, partition: 1 };
      await kit.store.acquire(TOPIC);
      await kit.store.acquire(other);
      const outcomes = await Promise.all([
        codeOf(kit.store.commit(batchOf([placed(0)]))),
        codeOf(kit.store.commit(batchOf([placed(0, { event: "two\nlines" })], other))),
        codeOf(kit.store.commit(batchOf([placed(0, { conversation: "x" })], other))),
        codeOf(kit.store.commit(batchOf([placed(1)]))),
        codeOf(kit.store.commit(batchOf([placed(1)]))),
      ]);
      expect(outcomes).toEqual([
        "resolved",
        "row_refused",
        "resolved",
        "resolved",
        "offset_mismatch",
      ]);
      expect(await kit.seqs({})).toEqual([1, 2]);
      expect(await kit.seqs({ conversation: "x" })).toEqual([1]);
    });
  });

  describe("refused rows", () => {
    const cases: readonly [string, readonly PlacedEvent[]][] = [
      ["a line break in an event", [placed(0, { event: "{}\n{}" })]],
      ["a lone surrogate in an event", [placed(0, { event: '{"a":"\ud83d"}' })]],
      ["a lone surrogate in a conversation's name", [placed(0, { conversation: "a\udc00" })]],
      ["an empty id", [placed(0, { id: "" })]],
      ["a space in an id", [placed(0, { id: "a b" })]],
      ["a line break in an id", [placed(0, { id: "a\nb" })]],
      ["a quote in an id", [placed(0, { id: 'a"b' })]],
      ["a space in a fingerprint", [placed(0, { fingerprint: "a b" })]],
      ["an empty fingerprint", [placed(0, { fingerprint: "" })]],
      ["an empty epoch", [placed(0, { epoch: "" })]],
      ["seq 0", [placed(0, { seq: 0 })]],
      ["a seq that is repeated", [placed(0), placed(1, { seq: 1 })]],
      ["a seq that is left out", [placed(0), placed(1, { seq: 3 })]],
      ["offsets that fall", [placed(1, { seq: 1 }), placed(0, { seq: 2 })]],
      ["an offset outside of the batch", [placed(0), placed(9, { seq: 2 })]],
    ];
    test.each(cases)("%s refuses the whole batch", async (_, events) => {
      await kit.store.acquire(TOPIC);
      const good = placed(0, { conversation: "good", offset: 0 });
      const shifted = events.map((event) => ({ ...event, offset: event.offset + 1 }));
      const batch = batchOf([good, ...shifted], { nextOffset: 5 });
      expect(await codeOf(kit.store.commit(batch))).toBe("row_refused");
      expect((await kit.store.heads("acme", ["good", "general"])).size).toBe(0);
      expect((await kit.store.acquire(TOPIC)).nextOffset).toBe(0);
    });

    test("a seq that does not follow the stored head is refused, and the right one is taken after", async () => {
      await kit.seed(2);
      const refused = batchOf([placed(2, { seq: 4 })]);
      expect(await codeOf(kit.store.commit(refused))).toBe("row_refused");
      expect(await codeOf(kit.store.commit(batchOf([placed(2)])))).toBe("resolved");
    });
  });
}
