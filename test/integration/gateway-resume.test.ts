import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openSqliteMessageStore } from "../../src/adapters/sqlite/message-store.ts";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import type { ProtocolClient } from "../support/gateway/protocol-client.ts";
import type { EventPush } from "../support/gateway/protocol-lines.ts";
import { freshKey, run, say, sayMany } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { until } from "../support/gateway/until.ts";
import { silentTelemetry } from "../support/sqlite-store.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const ROOM = "resume";
const ANA = { user: "ana" };

/** Reads everything in one direction, a page at a time. */
async function pages(
  client: ProtocolClient,
  side: "after" | "before",
  start: string,
  limit: number,
): Promise<{
  readonly events: readonly Pick<EventPush, "seq" | "event">[];
  readonly pages: number;
}> {
  const events: Pick<EventPush, "seq" | "event">[] = [];
  let cursor = start;
  for (let count = 1; ; count++) {
    const page = await client.ask("history", { conversation: ROOM, [side]: cursor, limit });
    expect(page.events.length).toBeLessThanOrEqual(limit);
    if (side === "after") events.push(...page.events);
    else events.unshift(...page.events);
    const edge = side === "after" ? page.events.at(-1) : page.events[0];
    if (!page.more) return { events, pages: count };
    // More is only said when there is more to come.
    expect(edge).toBeDefined();
    cursor = `${page.epoch}.${edge?.seq}`;
  }
}

async function stored(client: ProtocolClient, head: number): Promise<string> {
  let epoch = "";
  await until(`seq ${head} is stored`, async () => {
    const history = await client.ask("history", { conversation: ROOM, limit: 1 });
    ({ epoch } = history);
    return history.head >= head;
  });
  return epoch;
}

describe("a reader that comes back under traffic", () => {
  test("has no gap and no duplicate over many reconnects", async () => {
    await using gateway = await TestGateway.start({
      // Small, so that pages, held lines and live pushes all take part.
      limits: {
        sendsBurstPerConnection: 1_000_000,
        historyLimitMax: 50,
        catchUpPageBytesMax: 8 * 1024,
        holdBackBytesMax: 4 * 1024,
      },
    });
    await using writer = await gateway.connect({ user: "bob" });
    await using steady = await gateway.connect({ user: "eve" });
    await steady.ask("subscribe", { conversation: ROOM, tail: 0 });
    await say(writer, ROOM, "m0");
    let isDone = false;
    let sent = 1;
    const writing = (async () => {
      for (; !isDone; sent += 20) await sayMany(writer, ROOM, 20, (i) => `m${sent + i}`);
    })();
    const got: EventPush[] = [];
    const epoch =
      (await steady.ask("history", { conversation: ROOM })).epoch || (await stored(steady, 1));
    for (let round = 0; round < 25; round++) {
      const client = await gateway.connectTcp(ANA);
      const last = got.at(-1)?.seq ?? 0;
      const reply = await client.client.ask("subscribe", {
        conversation: ROOM,
        cursor: `${epoch}.${last}`,
      });
      expect(reply).toMatchObject({ epoch, recovered: true });
      expect(reply.head).toBeGreaterThanOrEqual(last);
      const wanted = round % 3 === 0 ? reply.head : reply.head + 10 * (round % 3);
      await client.client.until(
        "it has some",
        () => (client.client.seqs(ROOM).at(-1) ?? last) >= wanted,
      );
      client.terminate();
      got.push(...client.client.events(ROOM));
    }
    isDone = true;
    await writing;
    await using last = await gateway.connect(ANA);
    await last.ask("subscribe", { conversation: ROOM, cursor: `${epoch}.${got.at(-1)?.seq}` });
    await last.until("it is complete", () => (last.seqs(ROOM).at(-1) ?? got.at(-1)?.seq) === sent);
    got.push(...last.events(ROOM));
    await steady.until("the steady one is complete", () => steady.events(ROOM).length === sent);
    expect(got.map(({ seq }) => seq)).toEqual([...run(sent)]);
    expect(got).toEqual([...steady.events(ROOM)]);
    expect(got.map(({ event }) => event.content["text"])).toEqual(
      run(sent).map((n) => `m${n - 1}`),
    );
    expect(gateway.faults).toEqual([]);
  }, 30_000);

  test("goes on across restarts of the gateway, in the same epoch", async () => {
    await using gateway = await TestGateway.start();
    const got: number[] = [];
    let epoch = "";
    for (let round = 0; round < 3; round++) {
      await using writer = await gateway.connect({ user: "bob" });
      await using reader = await gateway.connect(ANA);
      const cursor = epoch === "" ? {} : { cursor: `${epoch}.${got.at(-1)}` };
      // What was written while the reader was away: sent, acked, and perhaps not stored at the stop.
      await sayMany(writer, ROOM, 50, (i) => `away ${round} ${i}`);
      const reply = await reader.ask("subscribe", {
        conversation: ROOM,
        ...(epoch === "" ? { tail: 50 } : cursor),
      });
      expect(reply.recovered).toBe(true);
      if (epoch !== "") expect(reply.epoch).toBe(epoch);
      await sayMany(writer, ROOM, 50, (i) => `here ${round} ${i}`);
      const total = round * 150 + 100;
      await reader.until("it is up to date", () => reader.seqs(ROOM).at(-1) === total);
      got.push(...reader.seqs(ROOM));
      epoch = await stored(reader, 1);
      await reader.close();
      await sayMany(writer, ROOM, 50, (i) => `unread ${round} ${i}`);
      await gateway.restart();
    }
    await using reader = await gateway.connect(ANA);
    await reader.ask("subscribe", { conversation: ROOM, cursor: `${epoch}.${got.at(-1)}` });
    await reader.until("the rest came", () => reader.seqs(ROOM).at(-1) === 450);
    expect([...got, ...reader.seqs(ROOM)]).toEqual([...run(450)]);
    expect(gateway.faults).toEqual([]);
  }, 30_000);
});

describe("where a subscription starts", () => {
  test("cursor, tail and neither, each ended by live", async () => {
    await using gateway = await TestGateway.start();
    await using writer = await gateway.connect({ user: "bob" });
    await sayMany(writer, ROOM, 30, (i) => `m${i}`);
    const epoch = await stored(writer, 30);
    const starts: readonly (readonly [object, readonly number[], object])[] = [
      [{}, [], { recovered: true }],
      [{ tail: 0 }, [], { recovered: true }],
      [{ tail: 5 }, run(30, 26), { recovered: true }],
      [{ tail: 1_000 }, run(30), { recovered: true }],
      [{ cursor: `${epoch}.0` }, run(30), { recovered: true }],
      [{ cursor: `${epoch}.29` }, [30], { recovered: true }],
      [{ cursor: `${epoch}.30` }, [], { recovered: true }],
      [{ cursor: `${epoch}.31` }, [], { recovered: false, reason: "ahead" }],
      [{ cursor: `${epoch}.9007199254740991` }, [], { recovered: false, reason: "ahead" }],
      [{ cursor: "another.7" }, run(30), { recovered: false, reason: "epoch_changed" }],
    ];
    const readers = await Promise.all(starts.map(() => gateway.connect(ANA)));
    for (const [i, [start, seqs, reply]] of starts.entries()) {
      const reader = readers[i] as ProtocolClient;
      const told = await reader.ask("subscribe", { conversation: ROOM, ...start });
      expect(told).toMatchObject({ epoch, head: 30, floor: 1, ...reply });
      await reader.until("it is live", () => reader.pushes("live").length === 1);
      expect([start, reader.seqs(ROOM)]).toEqual([start, seqs]);
      expect(reader.pushes("live")).toEqual([{ conversation: ROOM, seq: 30 }]);
    }
    await say(writer, ROOM, "the next");
    for (const [i, [start, seqs]] of starts.entries()) {
      const reader = readers[i] as ProtocolClient;
      await reader.until("the next came", () => reader.seqs(ROOM).at(-1) === 31);
      expect([start, reader.seqs(ROOM)]).toEqual([start, [...seqs, 31]]);
      await reader.close();
    }
  });

  test("a cursor past retention is told so, and the first seq still kept: expired", async () => {
    using folder = createTempFolder();
    // As a conversation whose first 40 messages are gone; its partition is no worker's.
    const store = await openSqliteMessageStore({
      folder: join(folder.path, "store"),
      limits: limitsWith(),
      telemetry: silentTelemetry,
    });
    const place = { topic: "imported", partition: 0 };
    const { ownerEpoch } = await store.acquire(place);
    const id = (seq: number) => `old-${seq}`;
    await store.commit({
      ...place,
      incarnation: "i1",
      ownerEpoch,
      expectedOffset: 0,
      nextOffset: 10,
      lastId: id(50),
      events: run(50, 41).map((seq) => ({
        tenant: "acme",
        conversation: ROOM,
        epoch: "e1",
        seq,
        offset: seq - 41,
        id: id(seq),
        fingerprint: "f",
        event: JSON.stringify({
          id: id(seq),
          type: "message.sent",
          timestamp: 1,
          key: "k",
          sender: "s",
          kind: "text",
          content: { seq },
        }),
      })),
    });
    await store.close();
    await using gateway = await TestGateway.start({ folder: folder.path });
    await using bystander = await Bystander.join(gateway);
    await bystander.during(async () => {
      for (const [cursor, seqs, reply] of [
        ["e1.7", run(50, 41), { recovered: false, reason: "expired" }],
        ["e1.0", run(50, 41), { recovered: false, reason: "expired" }],
        ["e1.39", run(50, 41), { recovered: false, reason: "expired" }],
        ["e1.40", run(50, 41), { recovered: true }],
        ["e1.45", run(50, 46), { recovered: true }],
      ] as const) {
        await using reader = await gateway.connect(ANA);
        const told = await reader.ask("subscribe", { conversation: ROOM, cursor });
        expect(told).toEqual({ epoch: "e1", head: 50, floor: 41, ...reply });
        await reader.until("it is live", () => reader.pushes("live").length === 1);
        expect([cursor, reader.seqs(ROOM)]).toEqual([cursor, [...seqs]]);
      }
      await using reader = await gateway.connect(ANA);
      const page = await reader.ask("history", { conversation: ROOM, after: "e1.5", limit: 3 });
      expect([page.floor, page.more, page.events.map(({ seq }) => seq)]).toEqual([
        41,
        true,
        [41, 42, 43],
      ]);
      const start = await reader.ask("history", { conversation: ROOM, before: "e1.44", limit: 50 });
      expect([start.more, start.events.map(({ seq }) => seq)]).toEqual([false, [41, 42, 43]]);
    });
  });

  test("live comes exactly between what was missed and what is new, under traffic", async () => {
    await using gateway = await TestGateway.start();
    await using writer = await gateway.connect({ user: "bob" });
    await sayMany(writer, ROOM, 200, (i) => `m${i}`);
    const epoch = await stored(writer, 200);
    const writing = sayMany(writer, ROOM, 400, (i) => `live ${i}`);
    const readers = await Promise.all(Array.from({ length: 10 }, () => gateway.connect(ANA)));
    await Promise.all(
      readers.map((reader, i) =>
        reader.ask("subscribe", { conversation: ROOM, cursor: `${epoch}.${i * 20}` }),
      ),
    );
    await writing;
    for (const [i, reader] of readers.entries()) {
      const isDone = () => reader.seqs(ROOM).at(-1) === 600 && reader.pushes("live").length > 0;
      await reader.until("it is complete and live", isDone);
      expect(reader.seqs(ROOM)).toEqual(run(600, i * 20 + 1));
      const order = reader.lines.flatMap((line): (number | "live")[] => {
        if (line.kind === "event") return [line.push.seq];
        return line.kind === "push" && line.name === "live" ? ["live"] : [];
      });
      const at = order.indexOf("live");
      expect(order.filter((one) => one === "live")).toEqual(["live"]);
      expect(order[at - 1]).toBe(reader.pushes("live")[0]?.seq as number);
      await reader.close();
    }
  });
});

describe("history", () => {
  test("pages in both directions are the live stream, and more is right", async () => {
    await using gateway = await TestGateway.start();
    await using writer = await gateway.connect({ user: "bob" });
    await using reader = await gateway.connect(ANA);
    await reader.ask("subscribe", { conversation: ROOM });
    await sayMany(writer, ROOM, 100, (i) => `m${i} ${"🌊".repeat(i % 7)}`);
    await reader.until("all came", () => reader.events(ROOM).length === 100);
    const live = reader.events(ROOM).map(({ seq, event }) => ({ seq, event }));
    const epoch = await stored(writer, 100);
    for (const [limit, expected] of [
      [1, 100],
      [7, 15],
      [10, 10],
      [50, 2],
      [100, 1],
      [1_000, 1],
    ] as const) {
      const up = await pages(reader, "after", `${epoch}.0`, limit);
      const down = await pages(reader, "before", `${epoch}.101`, limit);
      expect([up.events, down.events]).toEqual([live, live]);
      expect([limit, up.pages, down.pages]).toEqual([limit, expected, expected]);
    }
    const middle = await reader.ask("history", {
      conversation: ROOM,
      after: `${epoch}.40`,
      limit: 5,
    });
    expect(middle).toMatchObject({ head: 100, floor: 1, more: true });
    expect(middle.events.map(({ seq }) => seq)).toEqual([...run(45, 41)]);
    const end = await reader.ask("history", { conversation: ROOM, after: `${epoch}.100` });
    expect(end).toMatchObject({ head: 100, more: false, events: [] });
    const start = await reader.ask("history", { conversation: ROOM, before: `${epoch}.1` });
    expect(start).toMatchObject({ more: false, events: [] });
    const beyond = await reader.ask("history", { conversation: ROOM, after: `${epoch}.900` });
    expect(beyond).toMatchObject({ head: 100, more: false, events: [] });
    const newest = await reader.ask("history", { conversation: ROOM });
    expect([newest.events.map(({ seq }) => seq), newest.more]).toEqual([[...run(100, 51)], true]);
  });

  test("of a conversation that there is not is empty", async () => {
    await using gateway = await TestGateway.start();
    await using reader = await gateway.connect(ANA);
    const history = await reader.ask("history", { conversation: "nothing" });
    expect(history).toEqual({ epoch: "", head: 0, floor: 1, more: false, events: [] });
    const subscribed = await reader.ask("subscribe", { conversation: "nothing", cursor: "e1.5" });
    expect(subscribed).toMatchObject({ recovered: false, reason: "epoch_changed" });
  });

  test("pages are bounded in bytes, and more says so", async () => {
    await using gateway = await TestGateway.start({ limits: { historyBytesMax: 20_000 } });
    await using writer = await gateway.connect(ANA);
    await sayMany(writer, ROOM, 20, () => "x".repeat(6_000));
    const epoch = await stored(writer, 20);
    const page = await writer.ask("history", {
      conversation: ROOM,
      after: `${epoch}.0`,
      limit: 20,
    });
    expect(page.events.length).toBeWithin(1, 5);
    const all = await pages(writer, "after", `${epoch}.0`, 20);
    expect(all.events.map(({ seq }) => seq)).toEqual([...run(20)]);
  });
});

describe("retries", () => {
  test("of one key on any connection, after restarts and beyond the window, are one message", async () => {
    await using gateway = await TestGateway.start({ limits: { windowOffsets: 20 } });
    const key = freshKey();
    const send = async (client: ProtocolClient, attempt?: number) => {
      const tried = attempt === undefined ? {} : { attempt };
      const { message } = await client.ask("send", {
        conversation: ROOM,
        key,
        content: { text: "once" },
        ...tried,
      });
      return message;
    };
    const ids = new Set<string>();
    {
      await using first = await gateway.connect(ANA);
      await using second = await gateway.connect(ANA);
      ids.add(await send(first, 1));
      // Again as a first try: within the window that is a duplicate as well.
      ids.add(await send(first, 1));
      ids.add(await send(second, 2));
      ids.add(await send(second));
      await sayMany(first, ROOM, 200, (i) => `m${i}`);
      ids.add(await send(second, 3));
      ids.add(await send(first));
    }
    await gateway.restart();
    await using third = await gateway.connect(ANA);
    ids.add(await send(third, 4));
    await sayMany(third, ROOM, 200, (i) => `n${i}`);
    ids.add(await send(third, 5));
    const path = `/v1/conversations/${ROOM}/messages`;
    const overHttp = await gateway.request(
      ANA,
      "POST",
      path,
      { content: { text: "once" } },
      { "Idempotency-Key": key },
    );
    ids.add(((await overHttp.json()) as { message: string }).message);
    expect(ids.size).toBe(1);
    await say(third, ROOM, "the end");
    const epoch = await stored(third, 402);
    const { events } = await pages(third, "after", `${epoch}.0`, 1_000);
    expect(events.map(({ seq }) => seq)).toEqual([...run(402)]);
    expect(events.filter(({ event }) => event.key === key).map(({ seq }) => seq)).toEqual([1]);
    expect(third.pushes("refused")).toEqual([]);
  }, 30_000);

  test("with another sender, conversation or tenant are other messages", async () => {
    await using gateway = await TestGateway.start();
    await using ana = await gateway.connect(ANA);
    await using bob = await gateway.connect({ user: "bob" });
    const key = freshKey();
    const receipts = [
      await ana.ask("send", { conversation: ROOM, key, content: {} }),
      await bob.ask("send", { conversation: ROOM, key, content: {} }),
      await ana.ask("send", { conversation: "elsewhere", key, content: {} }),
    ];
    expect(new Set(receipts.map(({ message }) => message)).size).toBe(3);
    await stored(ana, 2);
  });
});
