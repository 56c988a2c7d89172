import { expect, test } from "bun:test";
import { Tail } from "../../../gateway/tail.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { PublishedRun } from "../../../src/ports/backplane.ts";
import type { EventFeed, PartitionId, PlacedEvent } from "../../../src/ports/message-store.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const INTERVAL_MS = 250;

function placed(conversation: string, seq: number, offset: number, epoch = "e"): PlacedEvent {
  const event = `{"n":${offset}}`;
  return {
    tenant: "acme",
    conversation,
    epoch,
    seq,
    offset,
    id: String(offset),
    fingerprint: "f",
    event,
  };
}

/** A tail over a store that has what the test puts there. */
function setUp(limits: { tailPageEventsMax?: number; tailReadsMax?: number } = {}) {
  const scheduler = new Scheduler();
  const stored = new Map<string, PlacedEvent[]>();
  const nextOffsets = new Map<string, number>();
  const told: PublishedRun[] = [];
  const reached: string[] = [];
  const begun: string[] = [];
  const reads = { offsets: 0, pages: 0, atOnce: 0, most: 0 };
  let down = false;
  const slow = new Map<string, number>();
  const failing = new Set<string>();
  const nameOf = ({ topic, partition }: PartitionId) => `${topic}/${partition}`;
  const store: EventFeed = {
    offsets() {
      reads.offsets++;
      if (down) return Promise.reject(new AppError("store_unavailable"));
      return Promise.resolve(
        [...nextOffsets].map(([name, nextOffset]) => {
          const [topic, partition] = name.split("/") as [string, string];
          return { topic, partition: Number(partition), nextOffset };
        }),
      );
    },
    async feed(id, from, eventsMax) {
      reads.pages++;
      reads.most = Math.max(reads.most, ++reads.atOnce);
      await Promise.resolve();
      const ms = slow.get(nameOf(id));
      if (ms !== undefined) await scheduler.sleep(ms);
      reads.atOnce--;
      if (failing.has(nameOf(id))) throw new AppError("store_unavailable");
      const all = (stored.get(nameOf(id)) ?? []).filter(({ offset }) => offset >= from);
      const events = all.slice(0, eventsMax);
      const last = events[events.length - 1];
      const end = nextOffsets.get(nameOf(id)) ?? 0;
      return {
        events,
        nextOffset: all.length > events.length && last ? last.offset + 1 : Math.max(from, end),
      };
    },
  };
  const telemetry = createMemoryTelemetry();
  const tail = new Tail({
    store,
    clock: schedulerClock(scheduler),
    limits: limitsWith({ tailIntervalMs: INTERVAL_MS, ...limits }),
    telemetry,
    host: {
      stored: (run) => void told.push(run),
      reached: (id, nextOffset) => void reached.push(`${nameOf(id)} ${nextOffset}`),
      begun: (id) => void begun.push(nameOf(id)),
    },
  });
  const put = (name: string, next: number, ...events: PlacedEvent[]): void => {
    stored.set(name, [...(stored.get(name) ?? []), ...events]);
    nextOffsets.set(name, next);
  };
  return {
    tail,
    put,
    told,
    reached,
    begun,
    reads,
    telemetry,
    pass: (ms: number) => scheduler.pass(ms),
    slow,
    failing,
    storeIs: (what: "down" | "up") => (down = what === "down"),
  };
}

const ZERO = { topic: "t", partition: 0 };

test("tells what is stored from the given offset on, as runs of one conversation", () => {
  const world = setUp();
  world.put("t/0", 4, placed("a", 1, 0), placed("a", 2, 1), placed("b", 1, 2), placed("a", 3, 3));
  world.tail.start(ZERO, 1);
  world.pass(INTERVAL_MS);
  expect(
    world.told.map(({ conversation, firstSeq, offsets }) => [conversation, firstSeq, offsets]),
  ).toEqual([
    ["a", 2, [1, 3]],
    ["b", 1, [2]],
  ]);
  expect(world.reached).toEqual(["t/0 4"]);
  world.put("t/0", 5, placed("b", 2, 4));
  world.pass(INTERVAL_MS);
  expect(world.told[2]).toMatchObject({ conversation: "b", firstSeq: 2, events: ['{"n":4}'] });
});

test("makes another run of another epoch and of seqs that do not follow", () => {
  const world = setUp();
  world.put("t/0", 3, placed("a", 1, 0), placed("a", 1, 1, "f"), placed("a", 9, 2, "f"));
  world.tail.start(ZERO, 0);
  world.pass(INTERVAL_MS);
  expect(world.told.map(({ epoch, firstSeq }) => [epoch, firstSeq])).toEqual([
    ["e", 1],
    ["f", 1],
    ["f", 9],
  ]);
});

test("begins where the store is when there was no beat, and says that the rest has to be looked for", () => {
  const world = setUp();
  world.put("t/0", 2, placed("a", 1, 0), placed("a", 2, 1));
  world.tail.start(ZERO, undefined);
  expect(world.tail.covers("t", 0)).toBe(false);
  world.pass(INTERVAL_MS);
  expect(world.begun).toEqual(["t/0"]);
  expect(world.tail.covers("t", 0)).toBe(true);
  expect(world.told).toEqual([]);
  world.put("t/0", 3, placed("a", 3, 2));
  world.pass(INTERVAL_MS);
  expect(world.told).toHaveLength(1);
});

test("begins where the store is, too, where the last beat is so old that too much would have to be read", () => {
  const world = setUp({ tailPageEventsMax: 4 });
  world.put("t/0", 513, placed("a", 1, 0), placed("a", 2, 512));
  world.put("t/1", 512, placed("b", 1, 511));
  world.tail.start(ZERO, 0);
  world.tail.start({ topic: "t", partition: 1 }, 0);
  world.pass(INTERVAL_MS);
  expect(world.begun).toEqual(["t/0"]);
  expect(world.told.map(({ conversation }) => conversation)).toEqual(["b"]);
  world.put("t/0", 514, placed("a", 3, 513));
  world.pass(INTERVAL_MS);
  expect(world.told.slice(1)).toMatchObject([{ conversation: "a", firstSeq: 3 }]);
});

test("reads nothing when the beats are back within an interval", () => {
  const world = setUp();
  world.put("t/0", 1, placed("a", 1, 0));
  world.tail.start(ZERO, 0);
  world.pass(INTERVAL_MS - 1);
  world.tail.stop("t", 0);
  world.pass(10 * INTERVAL_MS);
  expect(world.reads).toMatchObject({ pages: 0 });
  expect(world.reads.offsets).toBeLessThanOrEqual(1);
  expect(world.told).toEqual([]);
});

test("looks once a round at all partitions, and reads only those that moved", () => {
  const world = setUp();
  for (let partition = 0; partition < 50; partition++) {
    world.put(`t/${partition}`, 1, placed("a", 1, 0));
    world.tail.start({ topic: "t", partition }, 1);
  }
  world.put("t/7", 2, placed("a", 2, 1));
  world.pass(INTERVAL_MS);
  expect(world.reads).toMatchObject({ offsets: 1, pages: 1 });
});

test("reads at most tailReadsMax pages of tailPageEventsMax events at the same time", () => {
  const world = setUp({ tailReadsMax: 2, tailPageEventsMax: 3 });
  for (let partition = 0; partition < 5; partition++) {
    const events = Array.from({ length: 7 }, (_, i) => placed("a", i + 1, i));
    world.put(`t/${partition}`, 7, ...events);
    world.tail.start({ topic: "t", partition }, 0);
  }
  world.pass(INTERVAL_MS);
  expect(world.reads).toMatchObject({ pages: 15, most: 2 });
  expect(world.told.flatMap(({ events }) => events)).toHaveLength(35);
});

test("goes on after the store was away, with one warning", () => {
  const world = setUp();
  world.storeIs("down");
  world.tail.start(ZERO, 0);
  world.pass(5 * INTERVAL_MS);
  expect(world.telemetry.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
  world.storeIs("up");
  world.put("t/0", 1, placed("a", 1, 0));
  world.pass(INTERVAL_MS);
  expect(world.told).toHaveLength(1);
});

test("reads a partition once at a time, and all of it, while another one's reads fail", () => {
  const world = setUp({ tailPageEventsMax: 1 });
  world.put("t/0", 4, ...Array.from({ length: 4 }, (_, i) => placed("a", i + 1, i)));
  world.put("t/1", 1, placed("b", 1, 0));
  world.slow.set("t/0", 1.5 * INTERVAL_MS);
  world.failing.add("t/1");
  world.tail.start(ZERO, 0);
  world.tail.start({ topic: "t", partition: 1 }, 0);
  world.pass(20 * INTERVAL_MS);
  expect(world.told.flatMap(({ offsets }) => offsets)).toEqual([0, 1, 2, 3]);
  expect(world.reads.most).toBeLessThanOrEqual(2);
  world.failing.clear();
  world.pass(INTERVAL_MS);
  expect(world.told.at(-1)).toMatchObject({ conversation: "b", offsets: [0] });
});

test("partitions that cannot be read keep none of the others from being read", () => {
  const world = setUp({ tailReadsMax: 2 });
  for (let partition = 0; partition < 3; partition++) {
    world.put(`t/${partition}`, 1, placed("a", 1, 0));
    world.tail.start({ topic: "t", partition }, 0);
  }
  world.failing.add("t/0").add("t/1");
  world.pass(3 * INTERVAL_MS);
  expect(world.told).toHaveLength(1);
  expect(new Set(world.reached)).toEqual(new Set(["t/2 1"]));
});

test("does nothing more after it is closed", () => {
  const world = setUp();
  world.put("t/0", 1, placed("a", 1, 0));
  world.tail.start(ZERO, 0);
  world.tail.close();
  world.pass(10 * INTERVAL_MS);
  expect(world.reads.offsets).toBe(0);
});
