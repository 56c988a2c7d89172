import { expect, test } from "bun:test";
import type { LocalConversation } from "../../../gateway/local-conversation.ts";
import { Relay } from "../../../gateway/relay.ts";
import { TenantTallies } from "../../../gateway/tenant-tally.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import type { Backplane, BackplaneListener, Beat } from "../../../src/ports/backplane.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import type { HeadRange, MessageStore } from "../../../src/ports/message-store.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const BEAT_MS = 1_000;

/** A relay whose store and backplane do what the test says. */
function setUp(limits: Partial<Limits> = {}) {
  const scheduler = new Scheduler();
  let listener: BackplaneListener | undefined;
  let joins = 0;
  let asked = 0;
  const heads: ((answer: HeadRange | AppError) => void)[] = [];
  const backplane = {
    attach(to: BackplaneListener) {
      listener = to;
      return {
        join: () => Promise.resolve(void joins++),
        leave: () => void joins--,
        joinUser: () => {},
        leaveUser: () => {},
        askBeat: () => void asked++,
        close: () => Promise.resolve(),
      };
    },
  } as unknown as Backplane;
  const store = {
    heads: () =>
      new Promise<ReadonlyMap<string, HeadRange>>((resolve, reject) => {
        heads.push((answer) => {
          if (answer instanceof AppError) reject(answer);
          else resolve(new Map([["room", answer]]));
        });
      }),
  } as unknown as MessageStore;
  const telemetry = createMemoryTelemetry();
  const relay = new Relay({
    log: { range: () => Promise.resolve({ start: 0, end: 30 }) } as unknown as EventLog,
    store,
    backplane,
    clock: schedulerClock(scheduler),
    limits: limitsWith({ beatIntervalMs: BEAT_MS, ...limits }),
    telemetry,
    tallies: new TenantTallies(10),
    refused: () => {},
  });
  const beat = (changes: Partial<Beat> = {}): void => {
    listener?.beat({
      topic: "t",
      partition: 0,
      ownerEpoch: 1,
      number: 1,
      publishedThrough: 10,
      storedThrough: 10,
      ...changes,
    });
    scheduler.pass(0);
  };
  const answer = (head: HeadRange | AppError): void => {
    expect(heads).toHaveLength(1);
    heads.shift()?.(head);
    scheduler.pass(0);
  };
  const open = (): { conversation?: LocalConversation; error?: unknown } => {
    const opened: { conversation?: LocalConversation; error?: unknown } = {};
    relay.open("acme", "room", "t", 0).then(
      (conversation) => (opened.conversation = conversation),
      (error: unknown) => (opened.error = error),
    );
    scheduler.pass(0);
    return opened;
  };
  const head = (seq: number): HeadRange => ({ epoch: "e", seq, floor: 1 });
  /** Seconds pass, in each of which the relay is swept. */
  const pass = (seconds: number): void => {
    for (let i = 0; i < seconds; i++) {
      scheduler.pass(1_000);
      relay.sweep();
      scheduler.pass(0);
    }
  };
  const publish = (firstSeq: number, text: string): void => {
    const events = [text];
    const run = {
      tenant: "acme",
      conversation: "room",
      epoch: "e",
      firstSeq,
      offsets: [20],
      events,
    };
    const place = { topic: "t", partition: 0, ownerEpoch: 1 };
    listener?.publication({ ...place, number: firstSeq, runs: [run] });
  };
  const counts = { joins: () => joins, asked: () => asked, waiting: () => heads.length };
  const held = () => telemetry.value("tidegate_relay_held_characters");
  /** A wait for the store, and whether it has ended. */
  const stored = (): { over: boolean } => {
    const state = { over: false };
    void relay.stored("t", 0).then(() => (state.over = true));
    scheduler.pass(0);
    return state;
  };
  const passMs = (ms: number): void => scheduler.pass(ms);
  return { relay, beat, answer, open, head, pass, passMs, publish, held, counts, stored };
}

function opened(world: ReturnType<typeof setUp>, seq: number): LocalConversation {
  const opening = world.open();
  world.beat();
  world.answer(world.head(seq));
  return opening.conversation as LocalConversation;
}

test("a conversation is open once the store has what was published before", () => {
  const world = setUp();
  const opening = world.open();
  expect(world.counts.asked()).toBe(1);
  world.beat({ storedThrough: 9 });
  expect(world.counts.waiting()).toBe(0);
  world.beat({ storedThrough: 10 });
  world.answer(world.head(5));
  expect(opening.conversation?.last).toBe(5);
});

test("a head that cannot be read leaves nothing joined or held", () => {
  const world = setUp();
  const opening = world.open();
  world.beat();
  world.publish(6, "x");
  expect(world.held()).toBe(1);
  world.answer(new AppError("store_unavailable"));
  expect(opening.error).toBeInstanceOf(AppError);
  expect(world.counts.joins()).toBe(0);
  expect(world.held()).toBe(0);
});

test("a check that is asked for while another is under way is made after it", () => {
  const world = setUp();
  const conversation = opened(world, 5);
  world.relay.recheck(conversation);
  world.beat({ publishedThrough: 12, storedThrough: 10 });
  // More is missed while the first check waits for offset 12.
  world.relay.recheck(conversation);
  world.beat({ publishedThrough: 15, storedThrough: 12 });
  world.answer(world.head(7));
  world.beat({ publishedThrough: 15, storedThrough: 15 });
  world.answer(world.head(9));
  expect(conversation.last).toBe(9);
  expect(world.counts.waiting()).toBe(0);
});

test("a check is repeated until the store has got there", () => {
  const world = setUp();
  const conversation = opened(world, 5);
  world.relay.recheck(conversation);
  for (let second = 0; second < 4; second++) {
    world.beat({ publishedThrough: 12, storedThrough: 10 });
    world.pass(1);
  }
  world.answer(world.head(5));
  world.beat({ publishedThrough: 12, storedThrough: 12 });
  world.answer(world.head(7));
  expect(conversation.last).toBe(7);
});

test("a check is repeated after an error of the store", () => {
  const world = setUp();
  const conversation = opened(world, 5);
  world.relay.recheck(conversation);
  world.beat({ publishedThrough: 12, storedThrough: 12 });
  world.answer(new AppError("store_unavailable"));
  world.pass(1);
  world.beat({ publishedThrough: 12, storedThrough: 12 });
  world.answer(world.head(7));
  expect(conversation.last).toBe(7);
});

test("a head is confirmed once the store has all that the log has", async () => {
  const world = setUp();
  const conversation = opened(world, 5);
  const confirmed = world.relay.confirm(conversation);
  world.beat();
  world.beat({ publishedThrough: 20, storedThrough: 20 });
  expect(world.counts.waiting()).toBe(0);
  world.beat({ publishedThrough: 30, storedThrough: 30 });
  world.answer(world.head(8));
  await confirmed;
  expect(conversation.last).toBe(8);
});

test("a head that the store does not get to in time is not confirmed", async () => {
  const world = setUp();
  const conversation = opened(world, 5);
  const confirmed = world.relay.confirm(conversation).catch((error: unknown) => error);
  world.pass(4);
  expect(await confirmed).toMatchObject({ code: "store_unavailable", retryAfterMs: BEAT_MS });
});

test("a conversation stays while a subscription opens, and goes with the last one", () => {
  const world = setUp();
  const [first, second] = [world.open(), world.open()];
  world.beat();
  world.answer(world.head(5));
  expect(second.conversation).toBe(first.conversation as LocalConversation);
  world.relay.opened(first.conversation as LocalConversation);
  expect(world.counts.joins()).toBe(1);
  world.relay.opened(second.conversation as LocalConversation);
  expect(world.counts.joins()).toBe(0);
});

test("what is published before the head is known is kept", () => {
  const world = setUp();
  const opening = world.open();
  world.beat();
  world.publish(6, "x");
  world.answer(world.head(5));
  expect(opening.conversation?.last).toBe(6);
});

test("too much of it goes, and the head is asked for again", () => {
  const world = setUp({ holdBackBytesMax: 10 });
  const opening = world.open();
  world.beat();
  world.publish(6, "x".repeat(8));
  world.publish(7, "x".repeat(8));
  world.answer(world.head(5));
  expect(opening.conversation?.last).toBe(5);
  world.beat({ number: 7, publishedThrough: 21, storedThrough: 21 });
  world.answer(world.head(7));
  expect(opening.conversation?.last).toBe(7);
});

const WAITS = { historyWaitMs: 2_000, historyWaitSilentMs: 200 };

test("what is missed while the head is being read is asked for again", () => {
  const world = setUp();
  const opened = world.open();
  world.beat();
  world.beat({ number: 2, publishedThrough: 12 });
  world.answer(world.head(1));
  expect(opened.conversation?.last).toBe(1);
  world.beat({ number: 2, publishedThrough: 12, storedThrough: 12 });
  world.answer(world.head(2));
  expect(opened.conversation?.last).toBe(2);
});

test("a history waits for the store until it has what was published", () => {
  const world = setUp(WAITS);
  opened(world, 5);
  const wait = world.stored();
  world.beat({ publishedThrough: 12, storedThrough: 10 });
  world.passMs(1_900);
  expect(wait.over).toBe(false);
  world.beat({ publishedThrough: 14, storedThrough: 12 });
  expect(wait.over).toBe(true);
});

test("a history waits no longer than its bound for a worker that is heard", () => {
  const world = setUp(WAITS);
  opened(world, 5);
  const wait = world.stored();
  world.beat({ publishedThrough: 12, storedThrough: 10 });
  world.passMs(1_000);
  world.beat({ publishedThrough: 12, storedThrough: 10 });
  world.passMs(999);
  expect(wait.over).toBe(false);
  world.passMs(1);
  expect(wait.over).toBe(true);
});

test("a history waits but shortly for a worker whose beats have stopped", () => {
  const world = setUp(WAITS);
  opened(world, 5);
  world.passMs(2 * BEAT_MS);
  const wait = world.stored();
  world.passMs(199);
  expect(wait.over).toBe(false);
  world.passMs(1);
  expect(wait.over).toBe(true);
});

test("a history waits but shortly for a worker that was never heard", () => {
  const world = setUp(WAITS);
  const wait = world.stored();
  world.passMs(200);
  expect(wait.over).toBe(true);
});
