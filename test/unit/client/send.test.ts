import { describe, expect, test } from "bun:test";
import { CONTENT_DEPTH_MAX } from "../../../src/client/content-check.ts";
import type { KeyValueStorage } from "../../../src/client/send-store.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { Receipt } from "../../../src/wire/frame.ts";
import { clientBench, range, type Bench } from "../../support/client/client-bench.ts";
import type { Command } from "../../support/client/fake-server.ts";

interface Sent {
  readonly conversation: string;
  readonly key: string;
  readonly attempt: number;
  readonly content: { readonly text: string };
}

function sentOf({ server }: Bench): Sent[] {
  return server.commands.flatMap((command) => (command["send"] ? [command["send"] as Sent] : []));
}

function placedIn({ server }: Bench, conversation: string): unknown[] {
  return server.conversation(conversation).events.map((event) => event.content["text"]);
}

class MemoryStorage implements KeyValueStorage {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
}

describe("send", () => {
  test("gives a key at once and the receipt when the server has the message", async () => {
    const bench = clientBench();
    const sending = bench.client.send("general", { text: "hello" });
    expect(sending.key).toMatch(/^0190a000-/);
    await bench.clock.advance(100);
    expect(await sending.receipt).toEqual({ message: `${sending.key}.x`, durability: "disk" });
    expect(sentOf(bench)).toMatchObject([{ key: sending.key, attempt: 1, type: "text" }]);
    expect(bench.client.pending()).toEqual([]);
  });

  test("takes the caller's own trace along, and says nothing of one when there is none", async () => {
    const bench = clientBench();
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    bench.client.send("general", { text: "traced" }, { traceparent });
    bench.client.send("general", { text: "not traced" });
    await bench.clock.advance(100);
    const [traced, other] = sentOf(bench);
    expect(traced).toMatchObject({ traceparent, content: { text: "traced" } });
    expect(other).not.toHaveProperty("traceparent");
  });

  test("sends again with the same key and a higher attempt after the connection was lost", async () => {
    const bench = clientBench();
    await bench.clock.advance(100);
    // The messages arrive; their receipts do not.
    bench.server.intercept = (verb) => {
      if (verb === "send") bench.server.kill();
      return undefined;
    };
    const both = [bench.client.send("a", { text: "one" }), bench.client.send("a", { text: "two" })];
    await bench.clock.advance(1);
    bench.server.intercept = () => undefined;
    await bench.clock.advance(5_000);
    await Promise.all(both.map((sending) => sending.receipt));
    const keys = both.map((sending) => sending.key);
    const again = sentOf(bench).slice(-2);
    expect(again.map(({ key, attempt }) => [key, attempt])).toEqual(keys.map((key) => [key, 2]));
    expect(placedIn(bench, "a")).toEqual(["one", "two"]);
  });

  test("keeps the order of a conversation over many losses", async () => {
    const bench = clientBench();
    const receipts: Promise<Receipt>[] = [];
    for (let i = 0; i < 60; i++) {
      receipts.push(bench.client.send("a", { text: `${i}` }).receipt);
      if (i % 7 === 3) bench.server.kill();
      await bench.clock.advance(i % 5);
    }
    await bench.clock.advance(60_000);
    await Promise.all(receipts);
    expect(placedIn(bench, "a")).toEqual(range(0, 59).map(String));
  });

  test("waits as long as the server says when it is told to slow down", async () => {
    const bench = clientBench();
    await bench.clock.advance(100);
    let refused = false;
    bench.server.intercept = (verb) => {
      if (verb !== "send" || refused) return undefined;
      refused = true;
      return { code: "rate_limited", retriable: true, retry_after_ms: 4_000 };
    };
    const first = bench.client.send("a", { text: "one" });
    await bench.clock.advance(10);
    const other = bench.client.send("b", { text: "two" });
    await bench.clock.advance(3_900);
    expect(sentOf(bench)).toHaveLength(1);
    await bench.clock.advance(1_000);
    await Promise.all([first.receipt, other.receipt]);
    expect(sentOf(bench).map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });

  test("holds only the conversation whose message failed for a reason of its own", async () => {
    const bench = clientBench();
    await bench.clock.advance(100);
    bench.server.intercept = (_verb, command: Command) => {
      const sent = command["send"] as Sent | undefined;
      return sent?.conversation === "a" && sent.attempt === 1
        ? { code: "unknown_outcome", retriable: true, retry_after_ms: 2_000 }
        : undefined;
    };
    bench.client.send("a", { text: "one" });
    const other = bench.client.send("b", { text: "two" });
    await bench.clock.advance(100);
    await other.receipt;
    expect(placedIn(bench, "a")).toEqual([]);
    await bench.clock.advance(5_000);
    expect(placedIn(bench, "a")).toEqual(["one"]);
  });

  test("rejects what the server refuses for good, and goes on with the next", async () => {
    const bench = clientBench();
    bench.server.intercept = (_verb, command) =>
      (command["send"] as Sent | undefined)?.content.text === "bad"
        ? { code: "forbidden", retriable: false, field: "send.conversation" }
        : undefined;
    const bad = bench.client.send("a", { text: "bad" });
    const good = bench.client.send("a", { text: "good" });
    await bench.clock.advance(100);
    await expect(bad.receipt).rejects.toMatchObject({
      code: "forbidden",
      field: "send.conversation",
    });
    await good.receipt;
  });

  test("rejects a pending message that is refused aloud, and reports one that had its receipt", async () => {
    const bench = clientBench();
    const refusals: string[] = [];
    bench.client.onRefused(({ key, code }) => refusals.push(`${key} ${code}`));
    const acked = bench.client.send("a", { text: "one" });
    await bench.clock.advance(100);
    await acked.receipt;
    bench.server.intercept = (verb) => (verb === "send" ? "silence" : undefined);
    const pending = bench.client.send("a", { text: "two" });
    await bench.clock.advance(10);
    for (const { key } of [acked, pending]) {
      const refused = { conversation: "a", key, message: `${key}.x`, code: "key_conflict" };
      bench.server.socket.say({ push: { refused } });
    }
    await bench.clock.advance(10);
    await expect(pending.receipt).rejects.toMatchObject({ code: "key_conflict" });
    expect(refusals).toEqual([`${acked.key} key_conflict`, `${pending.key} key_conflict`]);
    expect(bench.client.pending()).toEqual([]);
  });

  test("puts what is queued in one turn into one frame, within the frame's limits", async () => {
    const bench = clientBench();
    bench.server.limits = { ...bench.server.limits, frame_lines: 40, frame_bytes: 8_000 };
    await bench.clock.advance(100);
    const before = bench.server.socket.frames.length;
    const small = range(1, 100).map((i) => bench.client.send("a", { text: `${i}` }));
    await bench.clock.advance(100);
    await Promise.all(small.map((sending) => sending.receipt));
    const frames = bench.server.socket.frames.slice(before);
    expect(frames.map((frame) => frame.split("\n").length)).toEqual([40, 40, 20]);
    const large = range(1, 5).map(() => bench.client.send("a", { text: "é".repeat(1_500) }));
    await bench.clock.advance(100);
    await Promise.all(large.map((sending) => sending.receipt));
    const sizes = bench.server.socket.frames.map((frame) => Buffer.byteLength(frame));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8_000);
  });

  test("has no more unanswered than the server allows", async () => {
    const bench = clientBench();
    bench.server.limits = { ...bench.server.limits, credit: 20 };
    bench.server.intercept = (verb) => (verb === "send" ? "silence" : undefined);
    for (let i = 0; i < 100; i++) bench.client.send(`c${i % 3}`, { text: "x" });
    await bench.clock.advance(1_000);
    expect(sentOf(bench)).toHaveLength(12);
    expect(bench.client.pending()).toHaveLength(100);
  });

  test("refuses more than its queue holds, by number and by bytes", async () => {
    const few = clientBench({ queueMessagesMax: 2 });
    few.server.up = false;
    const kept = [few.client.send("a", { text: "1" }), few.client.send("a", { text: "2" })];
    const third = few.client.send("a", { text: "3" });
    await expect(third.receipt).rejects.toMatchObject({
      code: "queue_full",
      retriable: true,
      limit: 2,
    });
    few.server.up = true;
    await few.clock.advance(10_000);
    await Promise.all(kept.map((sending) => sending.receipt));
    const small = clientBench({ queueBytesMax: 100 });
    small.client.send("a", { text: "x".repeat(60) });
    const more = small.client.send("a", { text: "x".repeat(60) });
    await expect(more.receipt).rejects.toMatchObject({ code: "queue_full", limit: 100 });
  });

  test("refuses by itself what would end the socket", async () => {
    const bench = clientBench();
    const nested = (depth: number): object => (depth <= 1 ? {} : { a: nested(depth - 1) });
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const cases = [nested(CONTENT_DEPTH_MAX + 1), cyclic, ["list"]];
    for (const content of cases) {
      const { receipt } = bench.client.send("a", content);
      await expect(receipt).rejects.toMatchObject({ code: "invalid_content" });
    }
    const large = bench.client.send("a", { text: "ü".repeat(33_000) });
    const deep = bench.client.send("a", nested(CONTENT_DEPTH_MAX));
    await bench.clock.advance(100);
    await expect(large.receipt).rejects.toMatchObject({ code: "content_too_large" });
    await deep.receipt;
    // A command is two levels around its content.
    expect(CONTENT_DEPTH_MAX + 2).toBeLessThanOrEqual(limitsWith().frameDepthMax);
  });

  test("takes the same key twice for the same message only", async () => {
    const bench = clientBench();
    const key = "0190a000-aaaa-7000-8000-000000000000";
    const first = bench.client.send("a", { text: "one" }, { key });
    expect(bench.client.send("a", { text: "one" }, { key })).toBe(first);
    const other = bench.client.send("a", { text: "two" }, { key });
    await expect(other.receipt).rejects.toMatchObject({ code: "key_conflict" });
    await bench.clock.advance(100);
    expect(placedIn(bench, "a")).toEqual(["one"]);
  });

  test("sends after a reload what storage has kept, as a later attempt", async () => {
    const storage = new MemoryStorage();
    const before = clientBench({ storage });
    before.server.up = false;
    const { key } = before.client.send("a", { text: "unsent" });
    await before.clock.advance(10);
    const after = clientBench({ storage });
    const [restored] = after.client.pending("a");
    expect(restored).toMatchObject({ key, content: { text: "unsent" }, kind: "text" });
    await after.clock.advance(100);
    await restored?.receipt;
    expect(sentOf(after)).toMatchObject([{ key, attempt: 2 }]);
    await after.clock.advance(10);
    expect(storage.items.size).toBe(0);
  });

  test("starts empty when what is in storage is not its own", async () => {
    const storage = new MemoryStorage();
    for (const text of ["{", "[1,null]", '{"a":1}']) {
      storage.setItem("tidegate.unsent", text);
      const bench = clientBench({ storage });
      await bench.clock.advance(100);
      expect(bench.client.pending()).toEqual([]);
    }
  });

  test("rejects what is pending when the client is closed", async () => {
    const bench = clientBench();
    bench.server.up = false;
    const sending = bench.client.send("a", { text: "one" });
    bench.client.close();
    await expect(sending.receipt).rejects.toMatchObject({ code: "closed" });
    const late = bench.client.send("a", { text: "two" });
    await expect(late.receipt).rejects.toMatchObject({ code: "closed" });
  });
});

describe("history", () => {
  test("reads pages in both directions", async () => {
    const bench = clientBench();
    for (const i of range(1, 10)) bench.server.publish("a", `${i}`);
    const asked = Promise.all([
      bench.client.history("a", { limit: 3 }),
      bench.client.history("a", { before: "e1.8", limit: 2 }),
      bench.client.history("a", { after: "e1.8" }),
    ]);
    await bench.clock.advance(100);
    const [newest, before, after] = await asked;
    expect(newest).toMatchObject({ epoch: "e1", head: 10, floor: 1, more: true });
    expect(newest.events.map(({ seq, cursor }) => `${seq} ${cursor}`)).toEqual([
      "8 e1.8",
      "9 e1.9",
      "10 e1.10",
    ]);
    expect(before.events.map(({ seq }) => seq)).toEqual([6, 7]);
    expect(after.events.map(({ seq }) => seq)).toEqual([9, 10]);
    expect(after.more).toBe(false);
  });

  test("outlives a lost connection and errors that pass, and ends with those that do not", async () => {
    const bench = clientBench();
    bench.server.publish("a", "1");
    await bench.clock.advance(100);
    let tries = 0;
    bench.server.intercept = (verb) => {
      if (verb !== "history") return undefined;
      if (++tries === 1) bench.server.kill();
      return tries === 2 ? { code: "store_unavailable" } : undefined;
    };
    const asked = bench.client.history("a");
    await bench.clock.advance(20_000);
    expect((await asked).events).toHaveLength(1);
    bench.server.intercept = () => ({ code: "forbidden", retriable: false });
    const refused = bench.client.history("a");
    refused.catch(() => {});
    await bench.clock.advance(100);
    await expect(refused).rejects.toMatchObject({ code: "forbidden" });
  });

  test("is refused beyond the number that may wait", async () => {
    const bench = clientBench();
    bench.server.up = false;
    const asked = range(1, 1_000).map(() => bench.client.history("a"));
    await expect(bench.client.history("a")).rejects.toMatchObject({ code: "too_many_requests" });
    bench.client.close();
    const settled = await Promise.allSettled(asked);
    expect(settled.every(({ status }) => status === "rejected")).toBe(true);
  });
});
