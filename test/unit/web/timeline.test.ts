import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  PAGE,
  Timeline,
  WINDOW_MAX,
  type TimelineView,
} from "../../../gateway/web/browser/timeline.ts";
import type { EventItem, History } from "../../../src/client/tidegate.ts";
import { range } from "../../support/client/client-bench.ts";

function item(seq: number): EventItem & { size: number } {
  const event = {
    id: `${seq}.x`,
    type: "message.sent" as const,
    timestamp: seq,
    key: `${seq}`,
    sender: "ana",
    kind: "text" as const,
    content: {},
  };
  return { type: "event", conversation: "r", epoch: "e", seq, cursor: `e.${seq}`, event, size: 1 };
}

/** What a document would show. */
class ShownSeqs implements TimelineView {
  seqs: number[] = [];
  append(items: readonly EventItem[]): void {
    this.seqs.push(...items.map(({ seq }) => seq));
  }
  prepend(items: readonly EventItem[]): void {
    this.seqs.unshift(...items.map(({ seq }) => seq));
  }
  dropFirst(count: number): void {
    this.seqs.splice(0, count);
  }
  dropLast(count: number): void {
    this.seqs.splice(-count, count);
  }
  clear(): void {
    this.seqs = [];
  }
}

class Room {
  head = 0;
  floor = 1;
  readonly view = new ShownSeqs();
  broken = false;
  readonly failures: string[] = [];
  readonly timeline = new Timeline(this.view, {
    history: (query) =>
      this.broken ? Promise.reject(new Error("broken")) : Promise.resolve(this.#page(query)),
    failed: ({ message }) => this.failures.push(message),
  });

  publish(count: number, atEnd: boolean): void {
    for (let i = 0; i < count; i++) this.timeline.live(item(++this.head), atEnd);
  }

  #page({ after, before, limit }: { after?: string; before?: string; limit: number }): History {
    const seqOf = (cursor: string): number => Number(cursor.split(".")[1]);
    const last = before === undefined ? this.head : seqOf(before) - 1;
    const all = range(
      after === undefined ? this.floor : Math.max(this.floor, seqOf(after) + 1),
      last,
    );
    const seqs = after === undefined ? all.slice(-limit) : all.slice(0, limit);
    const { head, floor } = this;
    return { epoch: "e", head, floor, more: seqs.length < all.length, events: seqs.map(item) };
  }
}

test("follows the end within its bound", () => {
  const room = new Room();
  room.publish(1_000, true);
  expect(room.view.seqs).toEqual(range(1_001 - WINDOW_MAX, 1_000));
});

test("keeps what the reader looks at further up, and reads on when they come down", async () => {
  const room = new Room();
  room.publish(WINDOW_MAX, true);
  room.publish(10, false);
  expect(room.view.seqs).toEqual(range(1, WINDOW_MAX));
  expect(room.timeline.following).toBe(false);
  await room.timeline.loadNewer();
  expect(room.view.seqs.at(-1)).toBe(WINDOW_MAX + 10);
  expect(room.timeline.following).toBe(true);
});

test("reads back page by page to the first message that is kept", async () => {
  const room = new Room();
  room.publish(1_000, true);
  room.floor = 500;
  for (let i = 0; i < 20; i++) await room.timeline.loadOlder();
  expect(room.view.seqs).toEqual(range(500, 500 + WINDOW_MAX - 1));
  expect(room.timeline.reachedStart).toBe(true);
  await room.timeline.jumpToEnd();
  expect(room.view.seqs).toEqual(range(1_001 - PAGE, 1_000));
});

test("asks for one page at a time", async () => {
  const room = new Room();
  room.publish(1_000, true);
  await Promise.all([room.timeline.loadOlder(), room.timeline.loadOlder()]);
  expect(room.view.seqs[0]).toBe(1_001 - WINDOW_MAX - PAGE);
});

test("says that a page could not be read, and asks again when it is wanted again", async () => {
  const room = new Room();
  room.publish(1_000, true);
  room.broken = true;
  await room.timeline.loadOlder();
  expect(room.failures).toEqual(["broken"]);
  room.broken = false;
  await room.timeline.loadOlder();
  expect(room.view.seqs[0]).toBe(1_001 - WINDOW_MAX - PAGE);
});

test("shows nothing that comes after it was closed", async () => {
  const room = new Room();
  room.publish(1_000, true);
  const loaded = room.timeline.loadOlder();
  room.timeline.close();
  await loaded;
  expect(room.view.seqs[0]).toBe(1_001 - WINDOW_MAX);
});

test("starts over when the room does", () => {
  const room = new Room();
  room.publish(5, true);
  room.timeline.reset(1);
  room.head = 0;
  room.publish(2, true);
  expect(room.view.seqs).toEqual([1, 2]);
});

test("shows an unbroken and bounded run, whatever the reader and the room do", async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant("publish" as const),
      count: fc.integer({ min: 1, max: 300 }),
      end: fc.boolean(),
    }),
    fc.record({
      do: fc.constantFrom("older" as const, "newer" as const, "jump" as const),
      wait: fc.boolean(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const room = new Room();
      const { timeline, view } = room;
      for (const now of steps) {
        if (now.do === "publish") room.publish(now.count, now.end);
        else {
          const loads = {
            older: () => timeline.loadOlder(),
            newer: () => timeline.loadNewer(),
            jump: () => timeline.jumpToEnd(),
          };
          const done = loads[now.do]();
          if (now.wait) await done;
        }
        const [first = 1] = view.seqs;
        expect(view.seqs).toEqual(range(first, first + view.seqs.length - 1));
        expect(view.seqs.length).toBeLessThanOrEqual(WINDOW_MAX);
        expect(timeline.items.map(({ seq }) => seq)).toEqual(view.seqs);
      }
      for (let i = 0; i < 20 && !timeline.following; i++) await timeline.jumpToEnd();
      room.publish(1, true);
      expect(view.seqs.at(-1)).toBe(room.head);
    }),
  );
});
