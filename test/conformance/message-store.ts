import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { AppError, type ErrorCode } from "../../src/errors.ts";
import type {
  HistoryRange,
  MessageStore,
  PlacedEvent,
  StoreBatch,
} from "../../src/ports/message-store.ts";
import { messageStoreModel } from "./message-store-model.ts";

/** A store with nothing in it, and how to get rid of it. */
export interface StoreFixture {
  readonly store: MessageStore;
  dispose(): Promise<void>;
}

const TOPIC = { topic: "chat.messages.acme", partition: 0 };
const BATCH = { ...TOPIC, incarnation: "i1", ownerEpoch: 1 };

type Change = Partial<PlacedEvent>;

/** An event as the gateway builds them; `offset` makes the rest different from the others'. */
export function placed(offset: number, change: Change = {}): PlacedEvent {
  const time = (1_795_254_378_000 + offset).toString(16).padStart(12, "0");
  const key = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${offset.toString(16).padStart(12, "0")}`;
  const id = change.id ?? `${key}.scope-of-someone`;
  return {
    tenant: "acme",
    conversation: "general",
    epoch: "e1",
    seq: offset + 1,
    offset,
    id,
    fingerprint: `f${offset}`,
    event: `{"id":"${id}","type":"message.sent","content":{"text":"${offset}"}}`,
    ...change,
  };
}

/** A batch that begins at the first event's offset and ends after the last one's. */
export function batchOf(
  events: readonly PlacedEvent[],
  change: Partial<StoreBatch> = {},
): StoreBatch {
  const expectedOffset = change.expectedOffset ?? events[0]?.offset ?? 0;
  const last = events.at(-1);
  return {
    ...BATCH,
    expectedOffset,
    nextOffset: last ? last.offset + 1 : expectedOffset,
    lastId: last?.id ?? "",
    events,
    ...change,
  };
}

function range(change: Partial<HistoryRange> = {}): HistoryRange {
  return {
    tenant: "acme",
    conversation: "general",
    from: 1,
    to: Number.MAX_SAFE_INTEGER,
    eventsMax: 1_000,
    charsMax: 1_000_000,
    order: "up",
    ...change,
  };
}

async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | "resolved"> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

/** The obligations of a message store, each as a test. */
export function messageStoreSuite(name: string, create: () => Promise<StoreFixture>): void {
  describe(`message store: ${name}`, () => {
    let fixture: StoreFixture;
    let store: MessageStore;

    beforeEach(async () => {
      fixture = await create();
      store = fixture.store;
    });
    afterEach(() => fixture.dispose());

    /** Takes the partition and stores `count` events of one conversation. */
    async function seed(count: number): Promise<PlacedEvent[]> {
      await store.acquire(TOPIC);
      const events = Array.from({ length: count }, (_, offset) => placed(offset));
      await store.commit(batchOf(events));
      return events;
    }

    const seqs = async (change: Partial<HistoryRange>): Promise<number[]> =>
      (await store.history(range(change))).events.map(({ seq }) => seq);

    describe("ownership", () => {
      test("a partition that was never stored starts at 0 without incarnation", async () => {
        expect(await store.acquire(TOPIC)).toEqual({
          ownerEpoch: 1,
          incarnation: undefined,
          nextOffset: 0,
          lastId: "",
        });
      });

      test("each acquire raises the owner epoch of that partition only", async () => {
        await store.acquire(TOPIC);
        expect((await store.acquire(TOPIC)).ownerEpoch).toBe(2);
        expect((await store.acquire({ ...TOPIC, partition: 1 })).ownerEpoch).toBe(1);
        expect((await store.acquire({ ...TOPIC, topic: "other" })).ownerEpoch).toBe(1);
      });

      test("the next owner gets what the last one stored", async () => {
        const events = await seed(3);
        expect(await store.acquire(TOPIC)).toEqual({
          ownerEpoch: 2,
          incarnation: "i1",
          nextOffset: 3,
          lastId: events[2]?.id as string,
        });
      });

      test("an earlier owner's commit is fenced and changes nothing", async () => {
        await seed(1);
        await store.acquire(TOPIC);
        expect(await codeOf(store.commit(batchOf([placed(1)])))).toBe("fenced");
        expect(await seqs({})).toEqual([1]);
        expect(await codeOf(store.commit(batchOf([placed(1)], { ownerEpoch: 2 })))).toBe(
          "resolved",
        );
      });

      test("a commit to a partition that nobody acquired is fenced", async () => {
        expect(await codeOf(store.commit(batchOf([placed(0)])))).toBe("fenced");
      });

      test("a commit for another incarnation of the topic is refused", async () => {
        await seed(1);
        const batch = batchOf([placed(1)], { incarnation: "i2" });
        expect(await codeOf(store.commit(batch))).toBe("topic_recreated");
        expect((await store.acquire(TOPIC)).nextOffset).toBe(1);
      });
    });

    describe("offsets", () => {
      test("a batch that was applied is refused when it is repeated, and the state says how far it is", async () => {
        const events = await seed(2);
        expect(await codeOf(store.commit(batchOf(events)))).toBe("offset_mismatch");
        expect((await store.acquire(TOPIC)).nextOffset).toBe(2);
        expect(await seqs({})).toEqual([1, 2]);
      });

      test("a batch that leaves offsets out is refused", async () => {
        await seed(1);
        const gap = batchOf([placed(2, { seq: 2 })]);
        expect(await codeOf(store.commit(gap))).toBe("offset_mismatch");
      });

      test("an empty batch moves the offset over what was not placed", async () => {
        await store.acquire(TOPIC);
        await store.commit(batchOf([], { nextOffset: 7, lastId: "dropped" }));
        expect(await store.acquire(TOPIC)).toEqual({
          ownerEpoch: 2,
          incarnation: "i1",
          nextOffset: 7,
          lastId: "dropped",
        });
      });

      test("offsets lists the partitions that have one", async () => {
        expect(await store.offsets()).toEqual([]);
        await store.acquire({ ...TOPIC, partition: 5 });
        await seed(2);
        expect(await store.offsets()).toEqual([{ ...TOPIC, nextOffset: 2 }]);
      });

      test("partitions commit side by side", async () => {
        const partitions = Array.from({ length: 8 }, (_, partition) => ({ ...TOPIC, partition }));
        await Promise.all(partitions.map((partition) => store.acquire(partition)));
        await Promise.all(
          partitions.map(({ partition }) => {
            const conversation = `room-${partition}`;
            return store.commit(batchOf([placed(0, { conversation })], { partition }));
          }),
        );
        expect(await store.offsets()).toHaveLength(8);
        const heads = await store.heads(
          "acme",
          partitions.map((_, i) => `room-${i}`),
        );
        expect(heads.size).toBe(8);
      });

      test("of batches committed at once only the ones at fault are refused", async () => {
        const other = { ...TOPIC, partition: 1 };
        await store.acquire(TOPIC);
        await store.acquire(other);
        const outcomes = await Promise.all([
          codeOf(store.commit(batchOf([placed(0)]))),
          codeOf(store.commit(batchOf([placed(0, { event: "two\nlines" })], other))),
          codeOf(store.commit(batchOf([placed(0, { conversation: "x" })], other))),
          codeOf(store.commit(batchOf([placed(1)]))),
          codeOf(store.commit(batchOf([placed(1)]))),
        ]);
        expect(outcomes).toEqual([
          "resolved",
          "row_refused",
          "resolved",
          "resolved",
          "offset_mismatch",
        ]);
        expect(await seqs({})).toEqual([1, 2]);
        expect(await seqs({ conversation: "x" })).toEqual([1]);
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
        await store.acquire(TOPIC);
        const good = placed(0, { conversation: "good", offset: 0 });
        const shifted = events.map((event) => ({ ...event, offset: event.offset + 1 }));
        const batch = batchOf([good, ...shifted], { nextOffset: 5 });
        expect(await codeOf(store.commit(batch))).toBe("row_refused");
        expect((await store.heads("acme", ["good", "general"])).size).toBe(0);
        expect((await store.acquire(TOPIC)).nextOffset).toBe(0);
      });

      test("a seq that does not follow the stored head is refused, and the right one is taken after", async () => {
        await seed(2);
        const refused = batchOf([placed(2, { seq: 4 })]);
        expect(await codeOf(store.commit(refused))).toBe("row_refused");
        expect(await codeOf(store.commit(batchOf([placed(2)])))).toBe("resolved");
      });
    });

    describe("heads", () => {
      test("gives only the conversations that are there", async () => {
        await seed(3);
        const heads = await store.heads("acme", ["general", "unknown"]);
        expect([...heads]).toEqual([["general", { epoch: "e1", seq: 3, floor: 1 }]]);
        expect((await store.heads("acme", [])).size).toBe(0);
      });

      test("answers for 4,096 names at once", async () => {
        await store.acquire(TOPIC);
        const names = Array.from({ length: 4_096 }, (_, i) => `room-${i}`);
        const events = names.map((conversation, i) => placed(i, { conversation, seq: 1 }));
        await store.commit(batchOf(events));
        const heads = await store.heads("acme", names);
        expect([...heads.keys()]).toEqual(names);
      });

      test.each(["__proto__", "constructor", "😀🎉", "a b", "'; DROP TABLE runs; --", "%", "a/b"])(
        "a conversation may be named %p",
        async (conversation) => {
          await store.acquire(TOPIC);
          await store.commit(batchOf([placed(0, { conversation })]));
          const heads = await store.heads("acme", [conversation, "x"]);
          expect([...heads]).toEqual([[conversation, { epoch: "e1", seq: 1, floor: 1 }]]);
          expect((await store.feed(TOPIC, 0, 10)).events[0]?.conversation).toBe(conversation);
        },
      );

      test("names that differ by case, by normalization or by a character after NUL are apart", async () => {
        await store.acquire(TOPIC);
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
        await store.commit(batchOf(events));
        const heads = await store.heads("acme", names);
        expect(names.map((conversation) => heads.get(conversation)?.seq)).toEqual(
          names.map((_, i) => i + 1),
        );
      });
    });

    describe("tenants", () => {
      test("the same conversation name of two tenants is two conversations", async () => {
        await store.acquire(TOPIC);
        await store.commit(
          batchOf([placed(0, { tenant: "acme" }), placed(1, { tenant: "umbrella", seq: 1 })]),
        );
        await store.commit(batchOf([placed(2, { tenant: "umbrella", seq: 2 })]));
        expect((await store.heads("acme", ["general"])).get("general")?.seq).toBe(1);
        expect((await store.heads("umbrella", ["general"])).get("general")?.seq).toBe(2);
        const page = await store.history(range({ tenant: "umbrella" }));
        expect(page.events.map(({ event }) => event)).toEqual([placed(1).event, placed(2).event]);
        expect((await store.history(range({ tenant: "nobody" }))).events).toEqual([]);
      });

      test("no choice of names makes one tenant's conversation another's", async () => {
        await store.acquire(TOPIC);
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
        await store.commit(batchOf(events));
        for (const [i, [tenant, conversation]] of pairs.entries()) {
          const head = { epoch: "e1", seq: i + 10, floor: i + 10 };
          expect([...(await store.heads(tenant, [conversation]))]).toEqual([[conversation, head]]);
          const page = await store.history(range({ tenant, conversation }));
          expect(page.events).toEqual([{ seq: i + 10, event: placed(i).event }]);
        }
      });
    });

    describe("history", () => {
      test("of no conversation has head 0 and no epoch", async () => {
        expect(await store.history(range())).toEqual({ epoch: "", seq: 0, floor: 1, events: [] });
      });

      test("gives head, floor and events of the same moment", async () => {
        const events = await seed(3);
        expect(await store.history(range())).toEqual({
          epoch: "e1",
          seq: 3,
          floor: 1,
          events: events.map(({ seq, event }) => ({ seq, event })),
        });
      });

      test("goes up from the first seq wanted and down from the last", async () => {
        await seed(10);
        expect(await seqs({ from: 3, to: 9, eventsMax: 4 })).toEqual([3, 4, 5, 6]);
        expect(await seqs({ from: 3, to: 9, eventsMax: 4, order: "down" })).toEqual([6, 7, 8, 9]);
        expect(await seqs({ from: 8, to: 99, order: "down" })).toEqual([8, 9, 10]);
        expect(await seqs({ from: -5, to: 2 })).toEqual([1, 2]);
        expect(await seqs({ from: 11 })).toEqual([]);
        expect(await seqs({ from: 6, to: 5 })).toEqual([]);
        expect(await seqs({ from: 4, to: 4, order: "down" })).toEqual([4]);
      });

      test("pages join without hole or repetition across batches, in both directions", async () => {
        await store.acquire(TOPIC);
        for (let offset = 0; offset < 60;) {
          const size = 1 + (offset % 7);
          const events = Array.from({ length: size }, (_, i) => placed(offset + i));
          await store.commit(batchOf(events));
          offset += size;
        }
        const { seq: head } = (await store.heads("acme", ["general"])).get("general") ?? { seq: 0 };
        const all = Array.from({ length: head }, (_, i) => i + 1);
        const up: number[] = [];
        while (up.length < head) up.push(...(await seqs({ from: up.length + 1, eventsMax: 9 })));
        const down: number[] = [];
        while (down.length < head)
          down.unshift(...(await seqs({ to: head - down.length, eventsMax: 9, order: "down" })));
        expect({ up, down }).toEqual({ up: all, down: all });
      });

      test("a page stops before the character that is too many, but gives one event", async () => {
        const events = await seed(6);
        const length = (events[0] as PlacedEvent).event.length;
        expect(await seqs({ charsMax: 3 * length })).toEqual([1, 2, 3]);
        expect(await seqs({ charsMax: 3 * length - 1 })).toEqual([1, 2]);
        expect(await seqs({ charsMax: 3 * length - 1, order: "down" })).toEqual([5, 6]);
        expect(await seqs({ charsMax: 0 })).toEqual([1]);
        expect(await seqs({ charsMax: 0, order: "down" })).toEqual([6]);
      });

      test("events come back to the byte", async () => {
        await store.acquire(TOPIC);
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
        await store.commit(batchOf(events));
        const page = await store.history(range());
        expect(page.events.map(({ event }) => event)).toEqual(texts);
        expect((await store.feed(TOPIC, 0, 100)).events).toEqual(events);
        const entries = events.map(({ id, fingerprint, offset }) => ({ id, fingerprint, offset }));
        expect(await store.window(TOPIC, 0)).toEqual(entries);
        const found = await store.findIds(
          TOPIC,
          events.map(({ id }) => id),
        );
        expect([...found.values()].toSorted((a, b) => a.offset - b.offset)).toEqual(entries);
      });

      test("a conversation of one large batch is paged within it", async () => {
        const events = await seed(3_000);
        expect(await seqs({ from: 1_500, eventsMax: 3 })).toEqual([1_500, 1_501, 1_502]);
        expect(await seqs({ to: 1_500, eventsMax: 3, order: "down" })).toEqual([
          1_498, 1_499, 1_500,
        ]);
        const page = await store.history(range({ from: 900, to: 1_100 }));
        expect(page.events.map(({ event }) => event)).toEqual(
          events.slice(899, 1_100).map(({ event }) => event),
        );
      });
    });

    describe("epochs", () => {
      test("a new epoch hides the events of the one before, whatever its first seq", async () => {
        await seed(3);
        await store.commit(
          batchOf([placed(3, { epoch: "e2", seq: 2 }), placed(4, { epoch: "e2", seq: 3 })]),
        );
        expect(await store.history(range())).toEqual({
          epoch: "e2",
          seq: 3,
          floor: 2,
          events: [
            { seq: 2, event: placed(3).event },
            { seq: 3, event: placed(4).event },
          ],
        });
        expect((await store.heads("acme", ["general"])).get("general")).toEqual({
          epoch: "e2",
          seq: 3,
          floor: 2,
        });
      });

      test("an epoch may change in the middle of a batch, and again", async () => {
        await store.acquire(TOPIC);
        const events = [
          placed(0, { epoch: "e1", seq: 1 }),
          placed(1, { epoch: "e2", seq: 1 }),
          placed(2, { epoch: "e2", seq: 2 }),
          placed(3, { epoch: "e1", seq: 40 }),
        ];
        await store.commit(batchOf(events));
        const page = await store.history(range());
        expect(page).toEqual({
          epoch: "e1",
          seq: 40,
          floor: 40,
          events: [{ seq: 40, event: placed(3).event }],
        });
        expect((await store.feed(TOPIC, 0, 10)).events).toEqual(events);
      });
    });

    describe("window and ids", () => {
      test("the window has every id from an offset on, in offset order", async () => {
        await store.acquire(TOPIC);
        const events = Array.from({ length: 40 }, (_, i) =>
          placed(2 * i, { conversation: `room-${i % 3}`, seq: Math.floor(i / 3) + 1 }),
        );
        await store.commit(batchOf(events.slice(0, 25), { nextOffset: 50 }));
        await store.commit(batchOf(events.slice(25), { nextOffset: 90 }));
        for (const from of [0, 1, 13, 48, 49, 50, 77, 78, 79, 1_000]) {
          const window = await store.window(TOPIC, from);
          expect(window).toEqual(
            events
              .filter(({ offset }) => offset >= from)
              .map(({ id, fingerprint, offset }) => ({ id, fingerprint, offset })),
          );
        }
        expect(await store.window({ ...TOPIC, partition: 9 }, 0)).toEqual([]);
      });

      test("finds ids at any age, of keys with a time and of others", async () => {
        await store.acquire(TOPIC);
        const ids = (at: number): Change[] => [
          {},
          { id: `plain-key-${at}.scope` },
          { id: `00000000-0000-7000-8000-${String(at).padStart(12, "0")}.scope` },
          { id: `ffffffff-ffff-7000-8000-${String(at).padStart(12, "0")}.scope` },
        ];
        const events = Array.from({ length: 400 }, (_, i) => placed(i, ids(i)[i % 4]));
        await store.commit(batchOf(events.slice(0, 3)));
        await store.commit(batchOf(events.slice(3, 390)));
        await store.commit(batchOf(events.slice(390)));
        const wanted = events.map(({ id }) => id);
        const found = await store.findIds(TOPIC, [...wanted, "unknown", placed(999).id]);
        expect(found.size).toBe(400);
        for (const { id, fingerprint, offset } of events)
          expect(found.get(id)).toEqual({ id, fingerprint, offset });
        expect((await store.findIds({ ...TOPIC, partition: 1 }, wanted)).size).toBe(0);
        expect((await store.findIds(TOPIC, [])).size).toBe(0);
      });

      test("an id that was placed twice is found where it was first", async () => {
        await store.acquire(TOPIC);
        const { id } = placed(0);
        const events = Array.from({ length: 30 }, (_, i) => placed(i, i % 10 === 5 ? { id } : {}));
        await store.commit(batchOf(events));
        await store.commit(batchOf([placed(30, { id })]));
        expect((await store.findIds(TOPIC, [id])).get(id)?.offset).toBe(0);
      });
    });

    describe("feed", () => {
      test("gives all events in offset order whatever their conversation", async () => {
        await store.acquire(TOPIC);
        const events = Array.from({ length: 50 }, (_, i) =>
          placed(i + Math.floor(i / 7), {
            conversation: `room-${i % 4}`,
            seq: Math.floor(i / 4) + 1,
          }),
        );
        const end = (events.at(-1)?.offset ?? 0) + 3;
        await store.commit(batchOf(events.slice(0, 18), { nextOffset: 20 }));
        await store.commit(batchOf([], { expectedOffset: 20, nextOffset: 20 }));
        await store.commit(batchOf(events.slice(18), { expectedOffset: 20, nextOffset: end }));
        for (const eventsMax of [1, 7, 20, 1_000]) {
          const seen: PlacedEvent[] = [];
          let from = 0;
          while (from < end) {
            const page = await store.feed(TOPIC, from, eventsMax);
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
        await seed(3);
        expect(await store.feed(TOPIC, 3, 10)).toEqual({ events: [], nextOffset: 3 });
        expect(await store.feed({ ...TOPIC, partition: 7 }, 0, 10)).toEqual({
          events: [],
          nextOffset: 0,
        });
      });
    });

    test("every read sees what a commit stored as soon as it resolved", async () => {
      await store.acquire(TOPIC);
      for (let offset = 0; offset < 50; offset++) {
        await store.commit(batchOf([placed(offset)]));
        const [heads, page, window, found, feed, offsets] = await Promise.all([
          store.heads("acme", ["general"]),
          store.history(range({ from: offset + 1 })),
          store.window(TOPIC, offset),
          store.findIds(TOPIC, [placed(offset).id]),
          store.feed(TOPIC, offset, 10),
          store.offsets(),
        ]);
        expect(heads.get("general")?.seq).toBe(offset + 1);
        expect(page.events).toHaveLength(1);
        expect(window).toHaveLength(1);
        expect(found.size).toBe(1);
        expect(feed).toEqual({ events: [placed(offset)], nextOffset: offset + 1 });
        expect(offsets).toEqual([{ ...TOPIC, nextOffset: offset + 1 }]);
      }
    });

    test("a closed store refuses, and closing again does nothing", async () => {
      await seed(1);
      await store.close();
      await store.close();
      expect(await codeOf(store.acquire(TOPIC))).toBe("closed");
      expect(await codeOf(store.commit(batchOf([placed(1)])))).toBe("closed");
      expect(await codeOf(store.heads("acme", ["general"]))).toBe("closed");
    });

    messageStoreModel(create);
  });
}
