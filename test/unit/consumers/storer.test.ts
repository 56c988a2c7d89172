import { expect, test } from "bun:test";
import { Instants } from "../../../consumers/delivery/instants.ts";
import { Rest } from "../../../consumers/delivery/rest.ts";
import { Storer } from "../../../consumers/delivery/storer.ts";
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
  const rest = new Rest(clock, limitsWith());
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
  const push = (nextOffset: number) =>
    storer.push({
      placed: [],
      chars: 0,
      nextOffset,
      lastId: "",
      refusedKept: undefined,
      traced: undefined,
    });
  return { clock, storer, commits, push };
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
