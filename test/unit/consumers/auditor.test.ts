import { expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import type { MessageStore, PartitionId } from "../../../src/ports/message-store.ts";
import { FAULTS, startWith, stubborn } from "../../support/audited-log.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

test("finds no fault in a store that has the whole log, in pages of feedPageEventsMax", async () => {
  const audit = await startWith(50, () => false, { feedPageEventsMax: 3 });
  await audit.clock.advance(1_000);
  expect(audit.total("records")).toBe(audit.records);
  for (const fault of ["lost", "duplicate", "reordered", "altered", "skipped"])
    expect([fault, audit.total(fault)]).toEqual([fault, 0]);
  await audit.clock.settled(audit.auditor.close());
});

test("counts a record as lost that was never placed", async () => {
  const audit = await startWith(50, (offset) => offset === 20, {});
  await audit.clock.advance(1_000);
  expect(audit.total("lost")).toBe(1);
  await audit.clock.settled(audit.auditor.close());
});

test("goes at auditRecordsPerSecond, and at auditRecordsPerSecondBusy while the store grows fast", async () => {
  const pace = { auditRecordsPerSecond: 1_000, auditRecordsPerSecondBusy: 10 };
  const idle = await startWith(999, () => false, pace);
  await idle.clock.advance(2_500);
  expect(idle.total("records")).toBe(1_000);
  await idle.clock.settled(idle.auditor.close());
  // Below zero everything counts as fast.
  const busy = await startWith(999, () => false, { ...pace, auditBusyPerSecond: -1 });
  await busy.clock.advance(2_500);
  expect(busy.total("records")).toBeGreaterThan(0);
  expect(busy.total("records")).toBeLessThan(1_000);
  await busy.clock.settled(busy.auditor.close());
});

test("rests auditBusyRest times as long as a piece took while the store grows fast, with auditAtOnceMax at once", async () => {
  let feeds = 0;
  const clock = new SteppedClock();
  const slow = (store: MessageStore) =>
    Object.assign(Object.create(store) as MessageStore, {
      async feed(id: PartitionId, from: number, eventsMax: number) {
        feeds++;
        await new Promise<void>((resolve) => void clock.after(100, resolve));
        return store.feed(id, from, eventsMax);
      },
      heads: (tenant: string, names: readonly string[]) => store.heads(tenant, names),
      offsets: () => store.offsets(),
      findIds: (id: PartitionId, ids: readonly string[]) => store.findIds(id, ids),
    });
  const changes = {
    auditBusyPerSecond: -1,
    auditRecordsPerSecondBusy: 1_000_000,
    auditAtOnceMax: 1,
    auditBusyRest: 9,
    feedPageEventsMax: 128,
  };
  const audit = await startWith(4 * 128, () => false, changes, slow, clock);
  await audit.clock.advance(3_500);
  expect(feeds).toBeGreaterThan(1);
  // Each takes 100 ms and rests 900.
  expect(feeds).toBeLessThanOrEqual(4);
  await audit.clock.settled(audit.auditor.close());
});

test("reads each page of the store once, however many pieces it is compared in", async () => {
  const reads: number[] = [];
  const counted = (store: MessageStore) =>
    Object.assign(Object.create(store) as MessageStore, {
      feed(id: PartitionId, from: number, eventsMax: number) {
        reads.push(from);
        return store.feed(id, from, eventsMax);
      },
      heads: (tenant: string, names: readonly string[]) => store.heads(tenant, names),
      offsets: () => store.offsets(),
      findIds: (id: PartitionId, ids: readonly string[]) => store.findIds(id, ids),
    });
  const pace = { auditRecordsPerSecond: 1_000_000, feedPageEventsMax: 300 };
  const audit = await startWith(899, () => false, pace, counted);
  await audit.clock.advance(2_000);
  expect(audit.total("records")).toBe(900);
  expect(audit.total("lost") + audit.total("altered") + audit.total("reordered")).toBe(0);
  // The repeat at the end has no event, and whether one comes after the third page is read, too.
  expect(reads).toEqual([0, 300, 600]);
  await audit.clock.settled(audit.auditor.close());
});

test("takes the pace of the moment, however far behind it is", async () => {
  const stored = { perLook: 100_000, total: 0 };
  const growing = (store: MessageStore) =>
    Object.assign(Object.create(store) as MessageStore, {
      async offsets() {
        const offsets = await store.offsets();
        stored.total += stored.perLook;
        const [topic = ""] = offsets.map((one) => one.topic);
        return [...offsets, { topic, partition: 9, nextOffset: stored.total }];
      },
      feed: (id: PartitionId, from: number, most: number) => store.feed(id, from, most),
      heads: (tenant: string, names: readonly string[]) => store.heads(tenant, names),
      findIds: (id: PartitionId, ids: readonly string[]) => store.findIds(id, ids),
    });
  const pace = { auditRecordsPerSecond: 2_000, auditRecordsPerSecondBusy: 10 };
  const audit = await startWith(5_999, () => false, pace, growing);
  await audit.clock.advance(60_000);
  // At first nobody knows how fast the store grows.
  expect(audit.total("records")).toBeLessThan(4_000);
  stored.perLook = 0;
  await audit.clock.advance(20_000);
  expect(audit.total("records")).toBe(6_000);
  await audit.clock.settled(audit.auditor.close());
});

test("reports nothing false with auditMemoryMax of one", async () => {
  const audit = await startWith(50, () => false, { auditMemoryMax: 1 });
  await audit.clock.advance(1_000);
  expect(audit.total("records")).toBe(audit.records);
  expect(audit.total("lost") + audit.total("reordered") + audit.total("duplicate")).toBe(0);
  await audit.clock.settled(audit.auditor.close());
});

/** The store as it is once everything below `kept` was removed, but for the ids, which stay longer. */
function expiredBelow(kept: number): (store: MessageStore) => MessageStore {
  return (store) =>
    Object.assign(Object.create(store) as MessageStore, {
      async heads(tenant: string, names: readonly string[]) {
        const heads = await store.heads(tenant, names);
        return new Map([...heads].map(([name, head]) => [name, { ...head, floor: kept + 1 }]));
      },
      async feed(id: PartitionId, from: number, eventsMax: number) {
        const page = await store.feed(id, from, eventsMax);
        return { ...page, events: page.events.filter(({ offset }) => offset >= kept) };
      },
      offsets: () => store.offsets(),
      findIds: (id: PartitionId, ids: readonly string[]) => store.findIds(id, ids),
    });
}

test("what the store has removed because its time was over is skipped, not lost", async () => {
  const audit = await startWith(50, () => false, {}, expiredBelow(50));
  await audit.clock.advance(1_000);
  expect(audit.total("records")).toBe(audit.records);
  expect(audit.total("skipped")).toBe(51);
  expect(audit.total("lost") + audit.total("reordered")).toBe(0);
  await audit.clock.settled(audit.auditor.close());
});

test("a record that is missing among those that are kept is lost, whatever was removed before", async () => {
  const audit = await startWith(50, (offset) => offset === 30, {}, expiredBelow(20));
  await audit.clock.advance(1_000);
  expect(audit.total("skipped")).toBe(20);
  expect(audit.total("lost")).toBe(1);
  await audit.clock.settled(audit.auditor.close());
});

test("counts every record once, and no fault, while the group takes no commits", async () => {
  let kept: ReturnType<typeof stubborn>["state"] | undefined;
  const audit = await startWith(
    299,
    (offset) => offset === 20,
    { auditRecordsPerSecond: 1_000_000 },
    undefined,
    undefined,
    (log) => {
      const { state, wrapped } = stubborn(log);
      kept = state;
      return wrapped;
    },
  );
  await audit.clock.advance(5_000);
  expect(kept?.refused).toBeGreaterThan(0);
  if (kept !== undefined) kept.refuses = false;
  await audit.clock.advance(5_000);
  expect(audit.total("records")).toBe(audit.records);
  expect(FAULTS.map((fault) => [fault, audit.total(fault)])).toEqual([
    ["lost", 1],
    ["duplicate", 0],
    ["reordered", 0],
    ["altered", 0],
    ["skipped", 0],
  ]);
  await audit.clock.settled(audit.auditor.close());
});

test("counts every record once, and no fault, when the store fails amid a piece", async () => {
  let failures = 3;
  const failing = (store: MessageStore) =>
    Object.assign(Object.create(store) as MessageStore, {
      feed: (id: PartitionId, from: number, most: number) => store.feed(id, from, most),
      heads: (tenant: string, names: readonly string[]) => store.heads(tenant, names),
      offsets: () => store.offsets(),
      async findIds(id: PartitionId, ids: readonly string[]) {
        if (failures-- > 0) throw new AppError("store_unavailable", "away");
        return store.findIds(id, ids);
      },
    });
  // The repeat at the end is what is asked for.
  const audit = await startWith(50, () => false, {}, failing);
  await audit.clock.advance(5_000);
  expect(failures).toBeLessThan(0);
  expect(audit.total("records")).toBe(audit.records);
  expect(FAULTS.map((fault) => audit.total(fault))).toEqual([0, 0, 0, 0, 0]);
  await audit.clock.settled(audit.auditor.close());
});

test("leaves a batch alone whose partition has been lost and came back meanwhile", async () => {
  let kept: ReturnType<typeof stubborn>["state"] | undefined;
  const audit = await startWith(
    299,
    () => false,
    { auditRecordsPerSecond: 1_000 },
    undefined,
    undefined,
    (log) => {
      const { state, wrapped } = stubborn(log);
      state.refuses = false;
      kept = state;
      return wrapped;
    },
  );
  const until = async (records: number) => {
    while (audit.total("records") < records) await audit.clock.advance(10);
  };
  await until(128);
  const { topic } = audit;
  kept?.handler?.lost(topic.name, 0);
  await audit.clock.settled(kept?.handler?.assigned(topic, 0) ?? Promise.resolve(0));
  await audit.clock.advance(2_000);
  // Nobody reads the rest here: the new assignment's batches are the log's to bring.
  expect(audit.total("records")).toBe(128);
  await audit.clock.settled(audit.auditor.close());
});
