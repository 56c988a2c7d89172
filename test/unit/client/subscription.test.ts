import { describe, expect, test } from "bun:test";
import { TidegateError, type Item } from "../../../src/client/tidegate.ts";
import { clientBench, range, seqsOf, type Bench } from "../../support/client/client-bench.ts";

function publish({ server }: Bench, count: number): void {
  for (let i = 0; i < count; i++) server.publish("general", `message ${i}`);
}

describe("a subscription", () => {
  test("shows what comes from now on when it has no start", async () => {
    const bench = clientBench();
    publish(bench, 3);
    const items: Item[] = [];
    const subscription = bench.client.subscribe("general", { onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    expect(items).toEqual([{ type: "live", seq: 3 }]);
    expect(subscription.live).toBe(true);
    expect(subscription.cursor).toBe("e1.3");
    publish(bench, 2);
    await bench.clock.advance(100);
    expect(seqsOf(items)).toEqual([4, 5]);
    expect(subscription.cursor).toBe("e1.5");
  });

  test("begins a tail back, or behind a cursor, and says when it is live", async () => {
    const bench = clientBench();
    publish(bench, 10);
    const tail: Item[] = [];
    const cursor: Item[] = [];
    bench.client.subscribe("general", { tail: 3, onItem: (item) => tail.push(item) });
    bench.client.subscribe("general", { cursor: "e1.4", onItem: (item) => cursor.push(item) });
    await bench.clock.advance(1_000);
    expect(seqsOf(tail)).toEqual([8, 9, 10]);
    expect(tail.at(-1)).toEqual({ type: "live", seq: 10 });
    expect(seqsOf(cursor)).toEqual(range(5, 10));
    expect(cursor.at(-1)).toEqual({ type: "live", seq: 10 });
    expect(bench.server.verbs().filter((verb) => verb === "subscribe")).toHaveLength(1);
  });

  test("begins a tail back although another one has just begun at the head", async () => {
    const bench = clientBench();
    publish(bench, 10);
    const head: Item[] = [];
    const tail: Item[] = [];
    bench.client.subscribe("general", { onItem: (item) => head.push(item) });
    bench.client.subscribe("general", { tail: 3, onItem: (item) => tail.push(item) });
    await bench.clock.advance(1_000);
    expect(seqsOf(head)).toEqual([]);
    expect(seqsOf(tail)).toEqual([8, 9, 10]);
    expect(tail.at(-1)).toEqual({ type: "live", seq: 10 });
  });

  test("shows the first message of a conversation that had none, with its cursor", async () => {
    const bench = clientBench();
    const items: Item[] = [];
    const subscription = bench.client.subscribe("new", { onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    expect(subscription.cursor).toBeUndefined();
    bench.server.publish("new", "one");
    bench.server.publish("new", "two");
    await bench.clock.advance(1_000);
    expect(seqsOf(items)).toEqual([1, 2]);
    expect(subscription.cursor).toBe("e1.2");
  });

  test("resumes by its cursor after the connection was lost", async () => {
    const bench = clientBench();
    const items: Item[] = [];
    publish(bench, 1);
    bench.client.subscribe("general", { onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    bench.server.kill();
    publish(bench, 5);
    await bench.clock.advance(5_000);
    publish(bench, 1);
    await bench.clock.advance(100);
    expect(seqsOf(items)).toEqual(range(2, 7));
  });

  test("asks again instead of showing a jump, and drops what it has seen", async () => {
    const bench = clientBench();
    const items: Item[] = [];
    publish(bench, 1);
    bench.client.subscribe("general", { onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    bench.server.pushFault = () => [];
    publish(bench, 1);
    bench.server.pushFault = (line) => [line, line];
    publish(bench, 2);
    await bench.clock.advance(5_000);
    expect(seqsOf(items)).toEqual([2, 3, 4]);
    // Asked for once, however many more came behind the jump, and not for what came twice.
    const again = ["connect", "subscribe", "unsubscribe", "subscribe"];
    expect(bench.server.verbs()).toEqual(again);
    publish(bench, 20);
    await bench.clock.advance(5_000);
    expect(seqsOf(items)).toEqual(range(2, 24));
    const [event] = bench.server.conversation("general").events;
    bench.server.socket.say({ push: { conversation: "general", seq: 1, event } });
    publish(bench, 1);
    await bench.clock.advance(5_000);
    expect(seqsOf(items)).toEqual(range(2, 25));
    expect(bench.server.verbs()).toEqual(again);
  });

  test("finds the seam to live events that history does not have yet", async () => {
    const bench = clientBench();
    publish(bench, 3);
    bench.client.subscribe("general", { onItem: () => {} });
    await bench.clock.advance(100);
    const items: Item[] = [];
    bench.client.subscribe("general", { cursor: "e1.0", onItem: (item) => items.push(item) });
    publish(bench, 2);
    bench.server.unstored = 2;
    await bench.clock.advance(5_000);
    expect(seqsOf(items)).toEqual(range(1, 5));
    expect(items.at(-1)).toEqual({ type: "live", seq: 5 });
  });

  test("waits for history to have what was pushed before it came", async () => {
    const bench = clientBench();
    publish(bench, 5);
    bench.client.subscribe("general", { onItem: () => {} });
    await bench.clock.advance(100);
    bench.server.unstored = 2;
    const items: Item[] = [];
    bench.client.subscribe("general", { cursor: "e1.0", onItem: (item) => items.push(item) });
    await bench.clock.advance(20_000);
    expect(seqsOf(items)).toEqual([1, 2, 3]);
    // It asks with growing pauses, not in a loop.
    expect(bench.server.verbs().filter((verb) => verb === "history").length).toBeLessThan(20);
    bench.server.unstored = 0;
    await bench.clock.advance(20_000);
    expect(seqsOf(items)).toEqual(range(1, 5));
  });

  test("does not believe a live notice that is ahead of what it has", async () => {
    const bench = clientBench();
    const items: Item[] = [];
    publish(bench, 1);
    bench.client.subscribe("general", { onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    bench.server.pushFault = () => [];
    publish(bench, 2);
    bench.server.pushFault = (line) => [line];
    bench.server.socket.say({ push: { live: { conversation: "general", seq: 3 } } });
    await bench.clock.advance(5_000);
    expect(seqsOf(items)).toEqual([2, 3]);
  });

  test("says what is lost when its cursor has expired", async () => {
    const bench = clientBench();
    publish(bench, 10);
    bench.server.expire("general", 6);
    const items: Item[] = [];
    bench.client.subscribe("general", { cursor: "e1.2", onItem: (item) => items.push(item) });
    await bench.clock.advance(1_000);
    expect(items[0]).toEqual({
      type: "reset",
      reason: "expired",
      epoch: "e1",
      floor: 6,
      last: "e1.2",
    });
    expect(seqsOf(items)).toEqual(range(6, 10));
  });

  test("starts over in another epoch, while it is connected and while it is not", async () => {
    const bench = clientBench();
    publish(bench, 3);
    const items: Item[] = [];
    bench.client.subscribe("general", { tail: 10, onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    bench.server.startOver("general");
    publish(bench, 2);
    await bench.clock.advance(1_000);
    expect(seqsOf(items)).toEqual([1, 2, 3, 1, 2]);
    bench.server.kill();
    bench.server.startOver("general");
    publish(bench, 1);
    await bench.clock.advance(5_000);
    expect(seqsOf(items)).toEqual([1, 2, 3, 1, 2, 1]);
    const resets = items.filter((item) => item.type === "reset");
    expect(resets.map(({ reason, last }) => [reason, last])).toEqual([
      ["epoch_changed", "e1.3"],
      ["epoch_changed", "e2.2"],
    ]);
  });

  test("starts over when the epoch changed while it read back", async () => {
    const bench = clientBench({ bufferEventsMax: 4 });
    publish(bench, 9);
    const subscription = bench.client.subscribe("general", { cursor: "e1.0" });
    await bench.clock.advance(100);
    bench.server.startOver("general");
    publish(bench, 3);
    const iterator = subscription[Symbol.asyncIterator]();
    const items: Item[] = [];
    while (seqsOf(items).at(-1) !== 3 || items.length < 6) {
      const next = iterator.next();
      await bench.clock.advance(2_000);
      items.push(((await next) as { value: Item }).value);
    }
    const reset = { type: "reset", reason: "epoch_changed", epoch: "e2", floor: 1 };
    const at = items.findIndex((item) => item.type === "reset");
    expect(items[at]).toMatchObject(reset);
    expect(seqsOf(items.slice(at))).toEqual([1, 2, 3]);
    expect(subscription.cursor).toBe("e2.3");
  });

  test("says so when its cursor is ahead of the conversation", async () => {
    const bench = clientBench();
    publish(bench, 2);
    const items: Item[] = [];
    bench.client.subscribe("general", { cursor: "e1.9", onItem: (item) => items.push(item) });
    await bench.clock.advance(1_000);
    expect(items[0]).toMatchObject({ type: "reset", reason: "ahead", last: "e1.9" });
    expect(seqsOf(items)).toEqual([1, 2]);
  });

  test("passes a lag notice on and goes on", async () => {
    const bench = clientBench();
    publish(bench, 1);
    const items: Item[] = [];
    const subscription = bench.client.subscribe("general", { onItem: (item) => items.push(item) });
    await bench.clock.advance(100);
    bench.server.socket.say({ push: { lag: { conversation: "general", from: 2, to: 4 } } });
    await bench.clock.advance(10);
    expect(items.at(-1)).toEqual({ type: "lag", from: 2, to: 4 });
    expect(subscription.live).toBe(false);
    publish(bench, 3);
    bench.server.socket.say({ push: { live: { conversation: "general", seq: 4 } } });
    await bench.clock.advance(10);
    expect(seqsOf(items)).toEqual([2, 3, 4]);
    expect(subscription.live).toBe(true);
  });

  test("is one for the server however many read, and ends with the last of them", async () => {
    const bench = clientBench();
    publish(bench, 2);
    const first = bench.client.subscribe("general", { onItem: () => {} });
    const second = bench.client.subscribe("general", { onItem: () => {} });
    await bench.clock.advance(100);
    first.close();
    await bench.clock.advance(100);
    expect(bench.server.verbs()).toEqual(["connect", "subscribe"]);
    second.close();
    await bench.clock.advance(100);
    expect(bench.server.verbs()).toEqual(["connect", "subscribe", "unsubscribe"]);
  });

  test("ends with the server's refusal", async () => {
    const bench = clientBench();
    bench.server.intercept = (verb) =>
      verb === "subscribe" ? { code: "forbidden", retriable: false } : undefined;
    const errors: TidegateError[] = [];
    bench.client.subscribe("general", { onItem: () => {}, onError: (error) => errors.push(error) });
    const iterated = bench.client.subscribe("other");
    await bench.clock.advance(100);
    expect(errors.map((error) => error.code)).toEqual(["forbidden"]);
    await expect(Array.fromAsync(iterated)).rejects.toMatchObject({ code: "forbidden" });
  });

  test("asks again after an error that passes", async () => {
    const bench = clientBench();
    publish(bench, 1);
    let faults = 3;
    bench.server.intercept = (verb) =>
      verb === "subscribe" && faults-- > 0 ? { code: "store_unavailable" } : undefined;
    const items: Item[] = [];
    bench.client.subscribe("general", { tail: 5, onItem: (item) => items.push(item) });
    await bench.clock.advance(30_000);
    expect(seqsOf(items)).toEqual([1]);
  });

  test("refuses what is not a cursor, and a cursor with a tail", () => {
    const { client } = clientBench();
    expect(() => client.subscribe("general", { cursor: "nonsense" })).toThrow(TidegateError);
    expect(() => client.subscribe("general", { cursor: "e1.1", tail: 1 })).toThrow(TidegateError);
  });
});

describe("the iterator", () => {
  test("yields items in order and closes its subscription when the loop is left", async () => {
    const bench = clientBench();
    publish(bench, 3);
    const subscription = bench.client.subscribe("general", { tail: 3 });
    await bench.clock.advance(100);
    const seqs: number[] = [];
    for await (const item of subscription.events()) {
      seqs.push(item.seq);
      if (item.seq === 3) break;
    }
    expect(seqs).toEqual([1, 2, 3]);
    await bench.clock.advance(100);
    expect(bench.server.verbs().at(-1)).toBe("unsubscribe");
  });

  test("stops reading at its bound and goes on without a gap when half is taken", async () => {
    const bench = clientBench({ bufferEventsMax: 10 });
    publish(bench, 1);
    const subscription = bench.client.subscribe("general", { cursor: "e1.0" });
    await bench.clock.advance(100);
    publish(bench, 40);
    await bench.clock.advance(1_000);
    // It reads no more: the server has nobody to push to.
    expect(bench.server.verbs().at(-1)).toBe("unsubscribe");
    expect(bench.server.socket.subscriptions.size).toBe(0);
    expect(subscription.cursor).toBe("e1.0");
    const iterator = subscription[Symbol.asyncIterator]();
    const seqs: number[] = [];
    while (seqs.length < 41) {
      const next = iterator.next();
      await bench.clock.advance(50);
      const { value } = (await next) as { value: Item };
      if (value.type === "event") seqs.push(value.seq);
    }
    expect(seqs).toEqual(range(1, 41));
    publish(bench, 1);
    await bench.clock.advance(1_000);
    expect(await iterator.next()).toMatchObject({ value: { type: "live" } });
    expect(await iterator.next()).toMatchObject({ value: { seq: 42 } });
    expect(subscription.cursor).toBe("e1.42");
  });

  test("stops reading when what waits is too large, however few it is", async () => {
    const bench = clientBench({ bufferCharsMax: 20_000 });
    bench.server.publish("general", "x".repeat(15_000));
    bench.client.subscribe("general", { cursor: "e1.0" });
    await bench.clock.advance(100);
    bench.server.publish("general", "x".repeat(15_000));
    await bench.clock.advance(1_000);
    expect(bench.server.verbs().at(-1)).toBe("unsubscribe");
  });

  test("is done when the client is closed, after what had come before", async () => {
    const bench = clientBench();
    publish(bench, 2);
    const subscription = bench.client.subscribe("general", { tail: 2 });
    await bench.clock.advance(100);
    bench.client.close();
    expect(seqsOf(await Array.fromAsync(subscription))).toEqual([1, 2]);
  });

  test("is not there for a subscription with a callback", () => {
    const { client } = clientBench();
    const subscription = client.subscribe("general", { onItem: () => {} });
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(TidegateError);
  });
});
