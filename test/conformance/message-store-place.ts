import { describe, expect, test } from "bun:test";
import type { PlacedEvent } from "../../src/ports/message-store.ts";
import { batchOf, type Change, placed, type StoreKit, TOPIC } from "./message-store-kit.ts";

/** What is found by offset and by id. */
export function storePlaceTests(kit: StoreKit): void {
  describe("window and ids", () => {
    test("the window has every id from an offset on, in offset order", async () => {
      await kit.store.acquire(TOPIC);
      const events = Array.from({ length: 40 }, (_, i) =>
        placed(2 * i, { conversation: `room-${i % 3}`, seq: Math.floor(i / 3) + 1 }),
      );
      await kit.store.commit(batchOf(events.slice(0, 25), { nextOffset: 50 }));
      await kit.store.commit(batchOf(events.slice(25), { nextOffset: 90 }));
      for (const from of [0, 1, 13, 48, 49, 50, 77, 78, 79, 1_000]) {
        const window = await kit.store.window(TOPIC, from);
        expect(window).toEqual(
          events
            .filter(({ offset }) => offset >= from)
            .map(({ id, fingerprint, offset }) => ({ id, fingerprint, offset })),
        );
      }
      expect(await kit.store.window({ ...TOPIC, partition: 9 }, 0)).toEqual([]);
    });

    test("finds ids at any age, of keys with a time and of others", async () => {
      await kit.store.acquire(TOPIC);
      const ids = (at: number): Change[] => [
        {},
        { id: `plain-key-${at}.scope` },
        { id: `00000000-0000-7000-8000-${String(at).padStart(12, "0")}.scope` },
        { id: `ffffffff-ffff-7000-8000-${String(at).padStart(12, "0")}.scope` },
      ];
      const events = Array.from({ length: 400 }, (_, i) => placed(i, ids(i)[i % 4]));
      await kit.store.commit(batchOf(events.slice(0, 3)));
      await kit.store.commit(batchOf(events.slice(3, 390)));
      await kit.store.commit(batchOf(events.slice(390)));
      const wanted = events.map(({ id }) => id);
      const found = await kit.store.findIds(TOPIC, [...wanted, "unknown", placed(999).id]);
      expect(found.size).toBe(400);
      for (const { id, fingerprint, offset } of events)
        expect(found.get(id)).toEqual({ id, fingerprint, offset });
      expect((await kit.store.findIds({ ...TOPIC, partition: 1 }, wanted)).size).toBe(0);
      expect((await kit.store.findIds(TOPIC, [])).size).toBe(0);
    });

    test("an id that was placed twice is found where it was last", async () => {
      await kit.store.acquire(TOPIC);
      const { id } = placed(0);
      const events = Array.from({ length: 30 }, (_, i) => placed(i, i % 10 === 5 ? { id } : {}));
      await kit.store.commit(batchOf(events));
      await kit.store.commit(batchOf([placed(30, { id })]));
      expect((await kit.store.findIds(TOPIC, [id])).get(id)?.offset).toBe(30);
    });
  });

  describe("feed", () => {
    test("gives all events in offset order whatever their conversation", async () => {
      await kit.store.acquire(TOPIC);
      const events = Array.from({ length: 50 }, (_, i) =>
        placed(i + Math.floor(i / 7), {
          conversation: `room-${i % 4}`,
          seq: Math.floor(i / 4) + 1,
        }),
      );
      const end = (events.at(-1)?.offset ?? 0) + 3;
      await kit.store.commit(batchOf(events.slice(0, 18), { nextOffset: 20 }));
      await kit.store.commit(batchOf([], { expectedOffset: 20, nextOffset: 20 }));
      await kit.store.commit(batchOf(events.slice(18), { expectedOffset: 20, nextOffset: end }));
      for (const eventsMax of [1, 7, 20, 1_000]) {
        const seen: PlacedEvent[] = [];
        let from = 0;
        while (from < end) {
          const page = await kit.store.feed(TOPIC, from, eventsMax);
          expect(page.events.length).toBeLessThanOrEqual(eventsMax);
          expect(page.nextOffset).toBeGreaterThan(from);
          seen.push(...page.events);
          from = page.nextOffset;
        }
        expect(seen).toEqual(events);
        expect(from).toBe(end);
      }
    });

    test("at the end gives nothing and the same offset", async () => {
      await kit.seed(3);
      expect(await kit.store.feed(TOPIC, 3, 10)).toEqual({ events: [], nextOffset: 3 });
      expect(await kit.store.feed({ ...TOPIC, partition: 7 }, 0, 10)).toEqual({
        events: [],
        nextOffset: 0,
      });
    });
  });
}
