import { expect, test } from "bun:test";
import { LocalConversation, type ConversationHost } from "../../../gateway/local-conversation.ts";
import { Reader, type ReadingConnection } from "../../../gateway/reader.ts";
import type { HistoryPage } from "../../../src/ports/message-store.ts";

/** A conversation whose head is `e.10`, and a reader of it that has all up to 5. */
function setUp(page: Omit<HistoryPage, "epoch">) {
  const counts: ConversationHost["counts"] = {
    delivered: { value: 0 },
    gaps: { value: 0 },
    late: { value: 0 },
    demoted: { value: 0 },
    diverged: { value: 0 },
    pageErrors: { value: 0 },
    holdOverflows: { value: 0 },
  };
  let pages = 0;
  const waiting: (() => void)[] = [];
  const host: ConversationHost = {
    page: () => (pages++, Promise.resolve({ epoch: "e", ...page })),
    recheck: () => {},
    onStored: (_conversation, run) => void waiting.push(run),
    holdMore: () => true,
    holdCharsMax: 1_000,
    counts,
  };
  const frames: unknown[] = [];
  const take = (text: string): void => {
    for (const line of text.split("\n")) frames.push(JSON.parse(line));
  };
  const connection: ReadingConnection = {
    roomy: true,
    push: (text) => (take(text), true),
    pushPage: take,
    reply: take,
    catchUp: () => {},
    caughtUp: () => {},
  };
  const conversation = new LocalConversation(host, "acme", "room", "t", 0);
  conversation.learn({ epoch: "e", seq: 10, floor: 1 });
  const reader = new Reader(connection, conversation);
  conversation.add(reader, 6);
  conversation.pump(reader);
  const sweep = async (): Promise<void> => {
    for (const run of waiting.splice(0)) run();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return { reader, frames, sweep, pages: () => pages };
}

const LIVE = { push: { live: { conversation: "room", seq: 10 } } };

test("a reader whose events have all expired meanwhile is told so, and is live", async () => {
  const { frames, reader, sweep, pages } = setUp({ seq: 10, floor: 11, events: [] });
  await sweep();
  await sweep();
  expect(frames).toEqual([
    { push: { reset: { conversation: "room", epoch: "e", floor: 11 } } },
    LIVE,
  ]);
  expect(reader.catching).toBe(false);
  expect(pages()).toBe(1);
});

test("a reader some of whose events have expired is told so, and gets the others", async () => {
  const events = [9, 10].map((seq) => ({ seq, event: `{"n":${seq}}` }));
  const { frames, sweep } = setUp({ seq: 10, floor: 9, events });
  await sweep();
  expect(frames).toEqual([
    { push: { reset: { conversation: "room", epoch: "e", floor: 9 } } },
    { push: { conversation: "room", seq: 9, event: { n: 9 } } },
    { push: { conversation: "room", seq: 10, event: { n: 10 } } },
    LIVE,
  ]);
});

test("a reader of what is published and not stored yet waits for the store", async () => {
  const { frames, sweep, pages } = setUp({ seq: 5, floor: 1, events: [] });
  await sweep();
  await sweep();
  expect(frames).toEqual([]);
  expect(pages()).toBeGreaterThan(1);
});
