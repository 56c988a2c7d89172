import { expect, test } from "bun:test";
import { Instants } from "../../../consumers/delivery/instants.ts";
import { Rest } from "../../../consumers/delivery/rest.ts";
import { Storer } from "../../../consumers/delivery/storer.ts";
import type { Placed } from "../../../src/chat/sequencer.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { MessageStore } from "../../../src/ports/message-store.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const EVERY_MS = 50;

/** A partition among so many that have little each that it commits at every sixteenth instant. */
async function setUp() {
  const clock = new SteppedClock();
  const instants = new Instants(clock, EVERY_MS);
  for (let i = 0; i < 100; i++) instants.next(instants.phase(), () => 0);
  await clock.advance(EVERY_MS);
  // The instant after the next one is as far away as can be.
  const next = Math.floor(clock.monotonic() / EVERY_MS) + 1;
  while (instants.phase() !== (next - 2) % 16);
  const commits: number[] = [];
  const rest = new Rest(clock, limitsWith(), { value: 0 });
  const storer = new Storer({
    topic: "t",
    partition: 0,
    incarnation: "i",
    ownerEpoch: 1,
    nextOffset: 0,
    store: {
      commit: () => Promise.resolve(void commits.push(clock.monotonic())),
    } as Partial<MessageStore> as MessageStore,
    clock,
    limits: limitsWith(),
    instants,
    rest,
    backoff: () => 1,
    stored: () => {},
    retrying: () => {},
    ended: () => {},
  });
  const push = (nextOffset: number, events = 0) =>
    storer.push({
      placed: Array.from({ length: events }, () => ({ event: "{}" }) as Placed),
      chars: 0,
      nextOffset,
      lastId: "",
      refusedKept: undefined,
      traced: undefined,
    });
  const late = () =>
    rest.folded(1_000, [
      { event: '{"id":"m","type":"message.sent","timestamp":1000}' } as Placed,
      { event: '{"id":"n","type":"message.sent","timestamp":1900}' } as Placed,
    ]);
  return { clock, storer, commits, push, late };
}

test("a partition with little among many commits at some of the instants", async () => {
  const { clock, commits, push } = await setUp();
  push(1);
  await clock.advance(10 * EVERY_MS);
  expect(commits).toEqual([]);
  await clock.advance(6 * EVERY_MS);
  expect(commits).toHaveLength(1);
});

test("what somebody waits for is committed at the next instant", async () => {
  const { clock, storer, commits, push } = await setUp();
  push(1);
  storer.hurry();
  await clock.advance(EVERY_MS);
  expect(commits).toHaveLength(1);
});

test("what somebody waits for before it was read is committed at the next instant as well", async () => {
  const { clock, storer, commits, push } = await setUp();
  storer.hurry();
  push(1);
  await clock.advance(EVERY_MS);
  expect(commits).toHaveLength(1);
});

test("while delivery is behind less is stored, and for a bounded time", async () => {
  const { clock, commits, push, late } = await setUp();
  const { storeRestMs, storeBatchEventsMax } = limitsWith();
  push(1, storeBatchEventsMax);
  await clock.advance(EVERY_MS);
  // That was a whole commit, which waits for no instant.
  expect(commits).toHaveLength(1);
  const began = clock.monotonic();
  for (let offset = 2; commits.length === 1; offset++) {
    late();
    push(offset, 1);
    await clock.advance(EVERY_MS);
  }
  // Its turn is at each sixteenth instant: the rest begins at one, and is over at the next but one.
  expect(clock.monotonic() - began).toBeWithin(storeRestMs, storeRestMs + 2 * 16 * EVERY_MS);
});

test("what somebody waits for is stored although delivery is behind", async () => {
  const { clock, storer, commits, push, late } = await setUp();
  late();
  push(1, 1);
  storer.hurry();
  await clock.advance(EVERY_MS);
  expect(commits).toHaveLength(1);
});

test("a tail that has grown is stored although delivery is behind", async () => {
  const { clock, commits, push, late } = await setUp();
  late();
  push(1, limitsWith().tailEventsMax / 4 - 1);
  await clock.advance(0);
  expect(commits).toEqual([]);
  late();
  push(2, 1);
  await clock.advance(0);
  expect(commits).toHaveLength(1);
});
