import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageStore } from "../../src/ports/message-store.ts";
import {
  crashConversation,
  crashEvents,
  CRASH_CONVERSATIONS,
  CRASH_PARTITIONS,
  CRASH_TOPIC,
} from "../support/crash-events.ts";
import { openTemporaryStore } from "../support/sqlite-store.ts";

const ROUNDS = 8;
const FIXTURE = join(import.meta.dir, "sqlite-store-crash-fixture.ts");

/** Runs the fixture until it has reported `reports` commits, then kills it where it stands. */
async function commitAndKill(folder: string, reports: number): Promise<Map<number, number>> {
  const child = Bun.spawn([process.execPath, FIXTURE, folder], { stdout: "pipe" });
  const resolved = new Map<number, number>();
  let text = "";
  let lines = 0;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const complete = text.split("\n");
    text = complete.pop() ?? "";
    for (const line of complete) {
      const [partition, offset] = line.split(" ").map(Number) as [number, number];
      resolved.set(partition, offset);
      lines++;
    }
    if (lines >= reports) child.kill("SIGKILL");
  }
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
  return resolved;
}

/** Every partition is the batches from 0 to its offset, and nothing else. */
async function expectWhole(store: MessageStore, resolved: ReadonlyMap<number, number>) {
  for (let partition = 0; partition < CRASH_PARTITIONS; partition++) {
    const id = { topic: CRASH_TOPIC, partition };
    const { nextOffset, lastId } = await store.acquire(id);
    expect(nextOffset).toBeGreaterThanOrEqual(resolved.get(partition) ?? 0);
    const expected = [];
    while (expected.length < nextOffset) expected.push(...crashEvents(partition, expected.length));
    // A batch that was cut in two would leave an offset between its ends.
    expect(expected.length).toBe(nextOffset);
    expect(lastId).toBe(expected.at(-1)?.id ?? "");
    const stored = [];
    for (let from = 0; from < nextOffset;) {
      const page = await store.feed(id, from, 4_096);
      stored.push(...page.events);
      from = page.nextOffset;
    }
    expect(stored).toEqual(expected);
    expect(await store.window(id, 0)).toEqual(
      expected.map(({ id: eventId, fingerprint, offset }) => ({
        id: eventId,
        fingerprint,
        offset,
      })),
    );
    const found = await store.findIds(
      id,
      expected.map((event) => event.id),
    );
    expect(found.size).toBe(expected.length);
    for (let number = 0; number < CRASH_CONVERSATIONS; number++) {
      const conversation = crashConversation(partition, number);
      const wanted = expected.filter((event) => event.conversation === conversation);
      const page = await store.history({
        tenant: "acme",
        conversation,
        from: 1,
        to: Number.MAX_SAFE_INTEGER,
        eventsMax: Number.MAX_SAFE_INTEGER,
        charsMax: Number.MAX_SAFE_INTEGER,
        order: "up",
      });
      expect(page.seq).toBe(wanted.length);
      expect(page.events).toEqual(wanted.map(({ seq, event }) => ({ seq, event })));
    }
  }
}

test("a process killed in the middle of commits leaves whole batches, and goes on from there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidegate-store-crash-"));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const resolved = await commitAndKill(folder, 3 + round * 17);
      const { store } = await openTemporaryStore({}, folder);
      try {
        await expectWhole(store, resolved);
      } finally {
        await store.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
