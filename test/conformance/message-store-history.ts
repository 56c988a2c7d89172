import { describe, expect, test } from "bun:test";
import type { PlacedEvent } from "../../src/ports/message-store.ts";
import { batchOf, placed, range, type StoreKit, TOPIC } from "./message-store-kit.ts";

/** Conversations: names, tenants, pages and epochs. */
export function storeHistoryTests(kit: StoreKit): void {
  describe("heads", () => {
    test("gives only the conversations that are there", async () => {
      await kit.seed(3);
      const heads = await kit.store.heads("acme", ["general", "unknown"]);
      expect([...heads]).toEqual([["general", { epoch: "e1", seq: 3, floor: 1 }]]);
      expect((await kit.store.heads("acme", [])).size).toBe(0);
    });

    test("answers for 4,096 names at once", async () => {
      await kit.store.acquire(TOPIC);
      const names = Array.from({ length: 4_096 }, (_, i) => `room-${i}`);
      const events = names.map((conversation, i) => placed(i, { conversation, seq: 1 }));
      await kit.store.commit(batchOf(events));
      const heads = await kit.store.heads("acme", names);
      expect([...heads.keys()]).toEqual(names);
    });

    test.each(["__proto__", "constructor", "😀🎉", "a b", "'; DROP TABLE runs; --", "%", "a/b"])(
      "a conversation may be named %p",
      async (conversation) => {
        await kit.store.acquire(TOPIC);
        await kit.store.commit(batchOf([placed(0, { conversation })]));
        const heads = await kit.store.heads("acme", [conversation, "x"]);
        expect([...heads]).toEqual([[conversation, { epoch: "e1", seq: 1, floor: 1 }]]);
        expect((await kit.store.feed(TOPIC, 0, 10)).events[0]?.conversation).toBe(conversation);
      },
    );

    test("names that differ by case, by normalization or by a character after NUL are apart", async () => {
      await kit.store.acquire(TOPIC);
      const names = [
        "Cafe",
        "cafe",
        "caf\u00e9",
        "cafe\u0301",
        "cafe ",
        "cafe\u0000a",
        "cafe\u0000b",
      ];
      const events = names.map((conversation, i) => placed(i, { conversation, seq: i + 1 }));
      await kit.store.commit(batchOf(events));
      const heads = await kit.store.heads("acme", names);
      expect(names.map((conversation) => heads.get(conversation)?.seq)).toEqual(
        names.map((_, i) => i + 1),
      );
    });
  });

  describe("tenants", () => {
    test("the same conversation name of two tenants is two conversations", async () => {
      await kit.store.acquire(TOPIC);
      await kit.store.commit(
        batchOf([placed(0, { tenant: "acme" }), placed(1, { tenant: "umbrella", seq: 1 })]),
      );
      await kit.store.commit(batchOf([placed(2, { tenant: "umbrella", seq: 2 })]));
      expect((await kit.store.heads("acme", ["general"])).get("general")?.seq).toBe(1);
      expect((await kit.store.heads("umbrella", ["general"])).get("general")?.seq).toBe(2);
      const page = await kit.store.history(range({ tenant: "umbrella" }));
      expect(page.events.map(({ event }) => event)).toEqual([placed(1).event, placed(2).event]);
      expect((await kit.store.history(range({ tenant: "nobody" }))).events).toEqual([]);
    });

    test("no choice of names makes one tenant's conversation another's", async () => {
      await kit.store.acquire(TOPIC);
      const pairs = [
        ["a", "b c"],
        ["a b", "c"],
        ["a\u0000b", "c"],
        ["a", "b\u0000c"],
        ["1", "1 1"],
        ["1 1", "1"],
        ["__proto__", "__proto__"],
      ] as const;
      const events = pairs.map(([tenant, conversation], i) =>
        placed(i, { tenant, conversation, seq: i + 10 }),
      );
      await kit.store.commit(batchOf(events));
      for (const [i, [tenant, conversation]] of pairs.entries()) {
        const head = { epoch: "e1", seq: i + 10, floor: i + 10 };
        expect([...(await kit.store.heads(tenant, [conversation]))]).toEqual([
          [conversation, head],
        ]);
        const page = await kit.store.history(range({ tenant, conversation }));
        expect(page.events).toEqual([{ seq: i + 10, event: placed(i).event }]);
      }
    });
  });

  describe("history", () => {
    test("of no conversation has head 0 and no epoch", async () => {
      expect(await kit.store.history(range())).toEqual({ epoch: "", seq: 0, floor: 1, events: [] });
    });

    test("gives head, floor and events of the same moment", async () => {
      const events = await kit.seed(3);
      expect(await kit.store.history(range())).toEqual({
        epoch: "e1",
        seq: 3,
        floor: 1,
        events: events.map(({ seq, event }) => ({ seq, event })),
      });
    });

    test("goes up from the first seq wanted and down from the last", async () => {
      await kit.seed(10);
      expect(await kit.seqs({ from: 3, to: 9, eventsMax: 4 })).toEqual([3, 4, 5, 6]);
      expect(await kit.seqs({ from: 3, to: 9, eventsMax: 4, order: "down" })).toEqual([6, 7, 8, 9]);
      expect(await kit.seqs({ from: 8, to: 99, order: "down" })).toEqual([8, 9, 10]);
      expect(await kit.seqs({ from: -5, to: 2 })).toEqual([1, 2]);
      expect(await kit.seqs({ from: 11 })).toEqual([]);
      expect(await kit.seqs({ from: 6, to: 5 })).toEqual([]);
      expect(await kit.seqs({ from: 4, to: 4, order: "down" })).toEqual([4]);
    });

    test("pages join without hole or repetition across batches, in both directions", async () => {
      await kit.store.acquire(TOPIC);
      for (let offset = 0; offset < 60;) {
        const size = 1 + (offset % 7);
        const events = Array.from({ length: size }, (_, i) => placed(offset + i));
        await kit.store.commit(batchOf(events));
        offset += size;
      }
      const { seq: head } = (await kit.store.heads("acme", ["general"])).get("general") ?? {
        seq: 0,
      };
      const all = Array.from({ length: head }, (_, i) => i + 1);
      const up: number[] = [];
      while (up.length < head) up.push(...(await kit.seqs({ from: up.length + 1, eventsMax: 9 })));
      const down: number[] = [];
      while (down.length < head)
        down.unshift(...(await kit.seqs({ to: head - down.length, eventsMax: 9, order: "down" })));
      expect({ up, down }).toEqual({ up: all, down: all });
    });

    test("a page stops before the character that is too many, but gives one event", async () => {
      const events = await kit.seed(6);
      const length = (events[0] as PlacedEvent).event.length;
      expect(await kit.seqs({ charsMax: 3 * length })).toEqual([1, 2, 3]);
      expect(await kit.seqs({ charsMax: 3 * length - 1 })).toEqual([1, 2]);
      expect(await kit.seqs({ charsMax: 3 * length - 1, order: "down" })).toEqual([5, 6]);
      expect(await kit.seqs({ charsMax: 0 })).toEqual([1]);
      expect(await kit.seqs({ charsMax: 0, order: "down" })).toEqual([6]);
    });

    test("events come back to the byte", async () => {
      await kit.store.acquire(TOPIC);
      const texts = [
        '{"content":"\\ud83d \\u0000 \\\\n \\" \\/"}',
        '{"content":"\u2028\u2029\u00e9 😀 e\u0301"}',
        '{"id":"of another", "content" : { } , "\\u0061":1.0e5}',
        `{"content":"${"\u{1f389}x".repeat(16_384)}"}`,
        '{"content":"\u0000\u0007\t\r"}',
        "{}",
        "",
        placed(7).event,
      ];
      const events = texts.map((event, offset) => placed(offset, { event }));
      await kit.store.commit(batchOf(events));
      const page = await kit.store.history(range());
      expect(page.events.map(({ event }) => event)).toEqual(texts);
      expect((await kit.store.feed(TOPIC, 0, 100)).events).toEqual(events);
      const entries = events.map(({ id, fingerprint, offset }) => ({ id, fingerprint, offset }));
      expect(await kit.store.window(TOPIC, 0)).toEqual(entries);
      const found = await kit.store.findIds(
        TOPIC,
        events.map(({ id }) => id),
      );
      expect([...found.values()].toSorted((a, b) => a.offset - b.offset)).toEqual(entries);
    });

    test("a conversation of one large batch is paged within it", async () => {
      const events = await kit.seed(3_000);
      expect(await kit.seqs({ from: 1_500, eventsMax: 3 })).toEqual([1_500, 1_501, 1_502]);
      expect(await kit.seqs({ to: 1_500, eventsMax: 3, order: "down" })).toEqual([
        1_498, 1_499, 1_500,
      ]);
      const page = await kit.store.history(range({ from: 900, to: 1_100 }));
      expect(page.events.map(({ event }) => event)).toEqual(
        events.slice(899, 1_100).map(({ event }) => event),
      );
    });
  });

  describe("epochs", () => {
    test("a new epoch hides the events of the one before, whatever its first seq", async () => {
      await kit.seed(3);
      await kit.store.commit(
        batchOf([placed(3, { epoch: "e2", seq: 2 }), placed(4, { epoch: "e2", seq: 3 })]),
      );
      expect(await kit.store.history(range())).toEqual({
        epoch: "e2",
        seq: 3,
        floor: 2,
        events: [
          { seq: 2, event: placed(3).event },
          { seq: 3, event: placed(4).event },
        ],
      });
      expect((await kit.store.heads("acme", ["general"])).get("general")).toEqual({
        epoch: "e2",
        seq: 3,
        floor: 2,
      });
    });

    test("an epoch may change in the middle of a batch, and again", async () => {
      await kit.store.acquire(TOPIC);
      const events = [
        placed(0, { epoch: "e1", seq: 1 }),
        placed(1, { epoch: "e2", seq: 1 }),
        placed(2, { epoch: "e2", seq: 2 }),
        placed(3, { epoch: "e1", seq: 40 }),
      ];
      await kit.store.commit(batchOf(events));
      const page = await kit.store.history(range());
      expect(page).toEqual({
        epoch: "e1",
        seq: 40,
        floor: 40,
        events: [{ seq: 40, event: placed(3).event }],
      });
      expect((await kit.store.feed(TOPIC, 0, 10)).events).toEqual(events);
    });
  });
}
