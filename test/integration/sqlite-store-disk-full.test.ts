import { expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import type { MessageStore } from "../../src/ports/message-store.ts";
import { batchOf, placed } from "../conformance/message-store-kit.ts";
import { openTemporaryStore } from "../support/sqlite-store.ts";

const TOPIC = { topic: "chat.messages.acme", partition: 0 };
const PAGES_MAX = 200;
const BATCH_EVENTS = 20;

/** Commits batches until one is refused, and returns why, with the next offset. */
async function fill(store: MessageStore): Promise<{ error: AppError; offset: number }> {
  await store.acquire(TOPIC);
  for (let offset = 0; offset < 1_000_000; offset += BATCH_EVENTS) {
    const text = "x".repeat(1_000);
    const events = Array.from({ length: BATCH_EVENTS }, (_, i) =>
      placed(offset + i, { event: `{"text":"${text}"}` }),
    );
    try {
      await store.commit(batchOf(events));
    } catch (error) {
      if (error instanceof AppError) return { error, offset };
      throw error;
    }
  }
  throw new Error("the disk never filled");
}

test("a full disk refuses a batch as retriable and applies nothing of it", async () => {
  const fixture = await openTemporaryStore({ pagesMax: PAGES_MAX });
  try {
    const { store } = fixture;
    const { error, offset } = await fill(store);
    expect({ code: error.code, retriable: error.retriable }).toEqual({
      code: "disk_full",
      retriable: true,
    });
    expect(await store.offsets()).toEqual([{ ...TOPIC, nextOffset: offset }]);
    const head = (await store.heads("acme", ["general"])).get("general");
    expect(head).toEqual({ epoch: "e1", seq: offset, floor: 1 });
    expect(await store.window(TOPIC, offset - 5)).toHaveLength(5);
    const { events } = await store.feed(TOPIC, offset - 5, 100);
    expect(events.map((event) => event.offset).at(-1)).toBe(offset - 1);
  } finally {
    await fixture.dispose();
  }
});

test("of batches in one transaction a full disk refuses those that do not fit, and takes the others", async () => {
  const fixture = await openTemporaryStore({ pagesMax: PAGES_MAX });
  try {
    const { store } = fixture;
    await fill(store);
    const other = { ...TOPIC, partition: 1 };
    const { ownerEpoch } = await store.acquire(other);
    const state = await store.acquire(TOPIC);
    const large = placed(state.nextOffset, { event: `{"text":"${"x".repeat(100_000)}"}` });
    const outcomes = await Promise.allSettled([
      store.commit(batchOf([large], { ownerEpoch: state.ownerEpoch })),
      store.commit(batchOf([], { ...other, ownerEpoch, nextOffset: 1 })),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    const offsets = await store.offsets();
    expect(offsets.find(({ partition }) => partition === 1)?.nextOffset).toBe(1);
    expect(offsets.find(({ partition }) => partition === 0)?.nextOffset).toBe(state.nextOffset);
  } finally {
    await fixture.dispose();
  }
});

test("when there is room again the same batch is taken", async () => {
  const fixture = await openTemporaryStore({ pagesMax: PAGES_MAX });
  const { folder } = fixture;
  try {
    const { offset } = await fill(fixture.store);
    await fixture.store.close();
    const again = await openTemporaryStore({}, folder);
    try {
      const { store } = again;
      const { ownerEpoch, nextOffset } = await store.acquire(TOPIC);
      expect(nextOffset).toBe(offset);
      await store.commit(batchOf([placed(offset)], { ownerEpoch }));
      expect((await store.heads("acme", ["general"])).get("general")?.seq).toBe(offset + 1);
    } finally {
      await again.store.close();
    }
  } finally {
    await fixture.dispose();
  }
});
