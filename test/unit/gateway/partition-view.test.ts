import { describe, expect, test } from "bun:test";
import { PartitionView } from "../../../gateway/partition-view.ts";
import type { Beat } from "../../../src/ports/backplane.ts";

function beat(changes: Partial<Beat> = {}): Beat {
  return {
    topic: "t",
    partition: 0,
    ownerEpoch: 1,
    number: 0,
    publishedThrough: 0,
    storedThrough: 0,
    ...changes,
  };
}

/** What a promise has come to by now. */
async function now(promise: Promise<boolean>): Promise<boolean | "open"> {
  return Promise.race([promise, Promise.resolve("open" as const)]);
}

describe("waiting for the store", () => {
  test("ends when the store has what was published at the first beat after the question", async () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    const settled = view.settled(0);
    view.take(beat({ publishedThrough: 10, storedThrough: 4 }), 1);
    expect(await now(settled)).toBe("open");
    view.take(beat({ publishedThrough: 30, storedThrough: 9 }), 2);
    expect(await now(settled)).toBe("open");
    view.take(beat({ publishedThrough: 40, storedThrough: 10 }), 3);
    expect(await now(settled)).toBe(true);
  });

  test("heeds no beat that was sent before a publication that was heard", async () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    expect(view.hear(1, 5)).toBe(false);
    const settled = view.settled(0);
    view.take(beat({ number: 4, publishedThrough: 10, storedThrough: 10 }), 1);
    expect(await now(settled)).toBe("open");
    view.take(beat({ number: 5, publishedThrough: 12, storedThrough: 11 }), 2);
    expect(await now(settled)).toBe("open");
    view.take(beat({ number: 5, publishedThrough: 12, storedThrough: 12 }), 3);
    expect(await now(settled)).toBe(true);
  });

  test("waits for the offset that is asked for, whatever was published", async () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    const settled = view.settled(0, 20);
    view.take(beat({ publishedThrough: 5, storedThrough: 5 }), 1);
    expect(await now(settled)).toBe("open");
    view.take(beat({ publishedThrough: 20, storedThrough: 20 }), 1);
    expect(await now(settled)).toBe(true);
  });

  test("ends in vain when it takes too long", async () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    const [early, late] = [view.settled(0), view.settled(10)];
    view.expire(10);
    expect([await now(early), await now(late)]).toEqual([false, "open"]);
  });

  test("is not ended by a worker that was replaced", async () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    view.behind(beat({ ownerEpoch: 3 }));
    const settled = view.settled(0);
    expect(view.take(beat({ ownerEpoch: 2 }), 1)).toBe(false);
    expect(await now(settled)).toBe("open");
  });
});

describe("noticing what was missed", () => {
  test("the next number follows, a jump shows", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    expect([view.hear(1, 4), view.hear(1, 5), view.hear(1, 7), view.hear(1, 6)]).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  test("another owner's first publication shows, since the last one's may be lost", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    view.hear(1, 4);
    expect(view.hear(2, 1)).toBe(true);
    expect(view.isReplaced(1)).toBe(true);
    expect(view.hear(1, 9)).toBe(false);
  });

  test("a beat with a higher number shows that the last publications were lost", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    view.hear(1, 4);
    expect(view.behind(beat({ number: 4 }))).toBe(false);
    expect(view.behind(beat({ number: 6 }))).toBe(true);
    expect(view.behind(beat({ number: 6 }))).toBe(false);
  });

  test("the first thing that is heard misses nothing", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    expect(view.behind(beat({ ownerEpoch: 8, number: 70 }))).toBe(false);
    expect(view.hear(8, 71)).toBe(false);
  });
});

describe("what was missed between the last look into the store and the first that is heard", () => {
  test("is asked for when a beat comes first", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    view.follow();
    expect(view.behind(beat({ number: 8, publishedThrough: 9 }))).toBe(true);
    expect(view.behind(beat({ number: 8, publishedThrough: 9 }))).toBe(false);
    expect(view.hear(1, 9)).toBe(false);
  });

  test("is asked for when a publication comes first", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    view.follow();
    expect(view.hear(1, 8)).toBe(true);
    expect(view.behind(beat({ number: 8 }))).toBe(false);
  });

  test("is nothing where no store was looked at: heads were read after a beat", () => {
    const view = new PartitionView({ topic: "t", partition: 0 }, 0);
    expect(view.behind(beat({ number: 8 }))).toBe(false);
    const other = new PartitionView({ topic: "t", partition: 1 }, 0);
    expect(other.hear(1, 8)).toBe(false);
  });
});
