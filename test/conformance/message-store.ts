import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { storeCommitTests } from "./message-store-commit.ts";
import { storeHistoryTests } from "./message-store-history.ts";
import {
  batchOf,
  codeOf,
  placed,
  range,
  type StoreFixture,
  StoreKit,
  TOPIC,
} from "./message-store-kit.ts";
import { messageStoreModel } from "./message-store-model.ts";
import { storePlaceTests } from "./message-store-place.ts";

/** The obligations of a message store, each as a test. */
export function messageStoreSuite(name: string, create: () => Promise<StoreFixture>): void {
  describe(`message store: ${name}`, () => {
    const kit = new StoreKit();

    beforeEach(() => kit.begin(create()));
    afterEach(() => kit.end());

    storeCommitTests(kit);
    storeHistoryTests(kit);
    storePlaceTests(kit);

    test("every read sees what a commit stored as soon as it resolved", async () => {
      await kit.store.acquire(TOPIC);
      for (let offset = 0; offset < 50; offset++) {
        await kit.store.commit(batchOf([placed(offset)]));
        const [heads, page, window, found, feed, offsets] = await Promise.all([
          kit.store.heads("acme", ["general"]),
          kit.store.history(range({ from: offset + 1 })),
          kit.store.window(TOPIC, offset),
          kit.store.findIds(TOPIC, [placed(offset).id]),
          kit.store.feed(TOPIC, offset, 10),
          kit.store.offsets(),
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
      await kit.seed(1);
      await kit.store.close();
      await kit.store.close();
      expect(await codeOf(kit.store.acquire(TOPIC))).toBe("closed");
      expect(await codeOf(kit.store.commit(batchOf([placed(1)])))).toBe("closed");
      expect(await codeOf(kit.store.heads("acme", ["general"]))).toBe("closed");
    });

    messageStoreModel(create);
  });
}
