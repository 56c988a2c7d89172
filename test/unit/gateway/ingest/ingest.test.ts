import { describe, expect, test } from "bun:test";
import { limitsWith } from "../../../../src/limits.ts";
import {
  chat,
  chunked,
  eventLines,
  expectExact,
  line,
  manyTurns,
  numbersIn,
  replyIn,
  startMemoryIngest,
} from "../../../support/gateway/memory-ingest.ts";
import { freshKey } from "../../../support/gateway/sending.ts";
import { until } from "../../../support/gateway/until.ts";
import { problemIn } from "../../../support/http.ts";

const TOPIC = "analytics.events";

describe("a body of events", () => {
  test("is in its topic, ordered by key, under the tenant's prefix and header, with stable ids", async () => {
    await using rig = await startMemoryIngest();
    const response = await rig.post(eventLines(1_000));
    expect(response.status).toBe(200);
    const reply = await replyIn(response);
    expectExact(reply);
    expect(reply).toMatchObject({ lines: 1_000, accepted: 1_000, complete: true, faults: [] });
    const partitions = await rig.records(TOPIC);
    for (const { partition, count, offsets, lines, durability, topic } of reply.kept) {
      const records = partitions[partition ?? -1] ?? [];
      const numbers = numbersIn(records);
      expect([topic, durability, count]).toEqual([TOPIC, "disk", records.length]);
      expect(offsets).toEqual(["0", String(records.length - 1)]);
      expect(lines).toEqual([(numbers[0] ?? 0) + 1, (numbers.at(-1) ?? 0) + 1]);
    }
    const all = partitions.flat();
    expect(all).toHaveLength(1_000);
    for (const key of new Set(all.map((record) => record.key))) {
      expect(key).toStartWith("acme/key-");
      const numbers = numbersIn(all.filter((record) => record.key === key));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(numbers).toHaveLength(100);
    }
    expect(new Set(all.map(({ headers }) => headers["tenant"]))).toEqual(new Set(["acme"]));
    const scope = /^id-0\.([A-Za-z0-9_-]{16})$/.exec(
      (
        JSON.parse(all.find(({ value }) => value.includes('"n":0}'))?.value ?? "{}") as {
          id: string;
        }
      ).id,
    )?.[1];
    expect(scope).toBeDefined();
    expect(JSON.parse(all[0]?.value ?? "")).toMatchObject({
      type: "analytics.test",
      tenant_id: "acme",
      version: "1",
      metadata: { source: "gateway/test", user_id: "ana" },
    });
    // The same body again has the same ids.
    await rig.post(eventLines(1_000));
    const ids = (await rig.records(TOPIC))
      .flat()
      .map(({ value }) => (JSON.parse(value) as { id: string }).id);
    expect(ids).toHaveLength(2_000);
    expect(new Set(ids).size).toBe(1_000);
  });

  test("names events without an id after the request, which its sender can choose", async () => {
    await using rig = await startMemoryIngest();
    const key = freshKey();
    const body = `\n${line({ type: "analytics.a", timestamp: 5, payload: {} })}`;
    for (const _ of [1, 2]) {
      const reply = await replyIn(await rig.post(body, { "Idempotency-Key": `"${key}"` }));
      expect(reply.request).toBe(key);
    }
    const other = await replyIn(await rig.post(body));
    const records = (await rig.records(TOPIC)).flat();
    const ids = records.map(({ value }) => (JSON.parse(value) as { id: string }).id.split(".")[0]);
    expect(new Set(ids)).toEqual(new Set([`${key}-2`, `${other.request}-2`]));
    expect(ids).toHaveLength(3);
    expect(records[0]?.key).toBe(`acme/${ids[0]}`);
    expect(JSON.parse(records[0]?.value ?? "")).toMatchObject({ timestamp: 5 });
  });

  test("may be one object, an array or lines, and mix types and chat", async () => {
    await using rig = await startMemoryIngest();
    const one = { type: "business.orders.created", key: "o1", payload: { n: 1 } };
    const json = { "Content-Type": "application/json; charset=utf-8" };
    expect(await replyIn(await rig.post(JSON.stringify(one), json))).toMatchObject({ accepted: 1 });
    const two = await replyIn(await rig.post(JSON.stringify([one, one], undefined, 2), json));
    expect(two).toMatchObject({ lines: 2, accepted: 2 });
    const mixed =
      line(one) + chat("general", { text: "é" }) + line({ ...one, type: "analytics.x" });
    const reply = await replyIn(await rig.post(mixed));
    expectExact(reply);
    expect(new Set(reply.kept.map(({ topic }) => topic))).toEqual(
      new Set([TOPIC, "business.orders.created", "chat.messages.acme"]),
    );
    const [message] = (await rig.records("chat.messages.acme")).flat();
    expect(message?.value).toContain('"content":{"text":"é"}}}');
  });

  test("keeps what is valid and tells every fault with its line", async () => {
    await using rig = await startMemoryIngest({
      identity: { capabilities: { "analytics.*": ["publish"], "room-*": ["send"] } },
    });
    const body = [
      line({ type: "analytics.a", payload: {} }),
      "nonsense\n",
      "more nonsense\n",
      " \r\n",
      chat("room-1"),
      chat("hall"),
      line({ type: "business.a.b", payload: {} }),
      `{"type":"analytics.a","payload":{"x":"${"y".repeat(70_000)}"}}\n`,
      "nonsense again",
    ].join("");
    const response = await rig.post(body);
    expect(response.status).toBe(207);
    const reply = await replyIn(response);
    expectExact(reply, 1);
    expect(reply).toMatchObject({ lines: 9, accepted: 2, complete: true });
    expect(reply.faults.map(({ code, lines, field }) => [code, lines, field])).toEqual([
      [
        "invalid_event",
        [
          [2, 3],
          [9, 9],
        ],
        undefined,
      ],
      ["forbidden", [[6, 6]], "send.conversation"],
      ["forbidden", [[7, 7]], "type"],
      ["content_too_large", [[8, 8]], "payload"],
    ]);
    expect(await rig.log.describeTopic("business.a.b")).toBeUndefined();
  });

  test("is told the limit that a field is beyond", async () => {
    await using rig = await startMemoryIngest();
    const event = { type: "analytics.a", payload: {} };
    const { eventKeyBytesMax, eventIdCharsMax, frameDepthMax } = limitsWith();
    const wrong: readonly (readonly [object, string | undefined, number])[] = [
      [{ ...event, type: `analytics.${"a".repeat(100)}` }, "type", 100],
      [{ ...event, key: "k".repeat(eventKeyBytesMax + 1) }, "key", eventKeyBytesMax],
      [{ ...event, id: "i".repeat(eventIdCharsMax + 1) }, "id", eventIdCharsMax],
      [{ ...event, timestamp: -1 }, "timestamp", 0],
      [{ ...event, timestamp: 2 ** 52 }, "timestamp", 253_402_300_799_999],
    ];
    const deep = `{"type":"analytics.a","payload":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`;
    const body = wrong.map(([fields]) => line(fields)).join("") + deep;
    const { faults } = await replyIn(await rig.post(body));
    expect(faults.map(({ field, limit }) => [field, limit])).toEqual([
      ...wrong.map(([, field, limit]) => [field, limit]),
      [undefined, frameDepthMax],
    ]);
    const array = await problemIn(
      await rig.post(`[${deep}]`, { "Content-Type": "application/json" }),
    );
    expect(array).toMatchObject({ field: "body", limit: frameDepthMax });
  });

  test("whose line is an array is told of the media type that takes one", async () => {
    await using rig = await startMemoryIngest();
    const response = await rig.post(JSON.stringify([{ type: "analytics.a", payload: {} }]));
    expect(await problemIn(response)).toMatchObject({
      status: 400,
      code: "invalid_event",
      detail: "the line is an array, which goes as application/json",
    });
  });

  test("of which nothing is kept is answered by the first fault's problem, with the report", async () => {
    await using rig = await startMemoryIngest();
    const response = await rig.post("nonsense\n5\n");
    expect(await problemIn(response)).toMatchObject({
      status: 400,
      code: "invalid_event",
      lines: 2,
      accepted: 0,
      faults: [{ lines: [[1, 2]] }],
    });
    const empty = await rig.post("");
    expect([empty.status, (await replyIn(empty)).lines]).toEqual([200, 0]);
  });
});

describe("the reading of a body", () => {
  test("stops before the fault that is one too many: too_many_faults", async () => {
    const ingestFaultsMax = 5;
    await using rig = await startMemoryIngest({ limits: { ingestFaultsMax } });
    const good = line({ type: "analytics.a", payload: {} });
    const reply = await replyIn(await rig.post(`${good}bad\n`.repeat(50)));
    expectExact(reply);
    expect(reply).toMatchObject({ lines: 11, accepted: 6, complete: false });
    expect(reply.stopped).toMatchObject({ code: "too_many_faults", limit: ingestFaultsMax });
    expect((await rig.records(TOPIC)).flat()).toHaveLength(6);
  });

  test("waits while too much is on its way to the log: ingestInFlightEventsMax, ingestInFlightBytesMax, ingestPendingBytesMax", async () => {
    for (const limits of [
      { ingestInFlightEventsMax: 40 },
      { ingestInFlightBytesMax: 10_000 },
      { ingestPendingBytesMax: 10_000 },
    ]) {
      await using rig = await startMemoryIngest({ limits });
      await rig.post(eventLines(1));
      rig.faults.holdFlush();
      const { stream, taken } = chunked(Array.from({ length: 100 }, () => eventLines(10)));
      const answer = rig.post(stream);
      const pending = (): number => rig.telemetry.value("tidegate_ingest_pending_characters") ?? 0;
      await until("something is on its way", () => pending() > 0);
      await manyTurns();
      expect(taken()).toBeLessThan(10);
      expect(pending()).toBeLessThan(15_000);
      rig.faults.releaseFlush();
      const reply = await replyIn(await answer);
      expectExact(reply);
      expect(reply).toMatchObject({ lines: 1_000, accepted: 1_000, complete: true });
      expect(pending()).toBe(0);
    }
  });

  test("of chat lines waits while the log has enough before it, as sockets do: appendWindowBytesMin", async () => {
    await using rig = await startMemoryIngest({ limits: { appendWindowBytesMin: 60_000 } });
    rig.faults.holdFlush();
    const content = { text: "x".repeat(500) };
    const answer = rig.post(Array.from({ length: 400 }, () => chat("general", content)).join(""));
    const pending = (): number => rig.telemetry.value("tidegate_append_pending_characters") ?? 0;
    await until("enough is on its way", () => pending() >= 60_000);
    await manyTurns();
    const held = pending();
    rig.faults.releaseFlush();
    expect(await replyIn(await answer)).toMatchObject({ lines: 400, accepted: 400 });
    // What is gathered for an append comes on top.
    expect(held).toBeLessThan(180_000);
  });

  test("goes no faster than the tenant's rate, and gives up when that takes too long: ingestWaitMs", async () => {
    const rate = { sendsPerSecondPerTenant: 200, sendsBurstPerTenant: 20 };
    await using rig = await startMemoryIngest({ limits: rate });
    const startedAt = performance.now();
    const limited = "tidegate_sends_rate_limited_total";
    const reply = await replyIn(await rig.post(eventLines(60) + chat("general").repeat(20)));
    expect(reply).toMatchObject({ lines: 80, accepted: 80 });
    expect(performance.now() - startedAt).toBeGreaterThan(150);
    // All of them waited, and none was refused.
    expect(rig.telemetry.value(limited)).toBe(0);

    await using hurried = await startMemoryIngest({ limits: { ...rate, ingestWaitMs: 0 } });
    const cut = await replyIn(await hurried.post(eventLines(60)));
    expectExact(cut);
    expect(cut.accepted).toBeWithin(20, 60);
    expect(cut.stopped).toMatchObject({ code: "rate_limited", retriable: true, limit: 200 });
    const messages = await replyIn(await hurried.post(chat("general").repeat(60)));
    expect(messages.stopped).toMatchObject({ code: "rate_limited", limit: 200 });
    expect(hurried.telemetry.value(limited)).toBe(2);
    expect(cut.faults).toMatchObject([{ code: "rate_limited", lines: [[cut.lines, cut.lines]] }]);
  });

  test("ends with the token, with the tenant, and with the gateway", async () => {
    await using expired = await startMemoryIngest({ identity: { expiresAt: 1 } });
    const { stream } = chunked([eventLines(5), eventLines(5)]);
    const reply = await replyIn(await expired.post(stream));
    expectExact(reply);
    expect(reply).toMatchObject({ lines: 5, accepted: 5, complete: false });
    expect(reply.stopped?.code).toBe("token_expired");

    await using leaving = await startMemoryIngest();
    // A body whose next chunk never comes.
    const silent = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(eventLines(5))),
    });
    const answer = leaving.post(silent);
    await until(
      "it is kept",
      () => leaving.telemetry.value("tidegate_events_published_total") === 5,
    );
    await leaving.gateway.drain();
    const left = await replyIn(await answer);
    expect(left).toMatchObject({ lines: 5, accepted: 5, complete: false });
    expect(left.stopped?.code).toBe("draining");
    expect(await problemIn(await leaving.post(eventLines(1)))).toMatchObject({ code: "draining" });
  });

  test("is refused when too many bodies are being read: ingestBodiesMax, ingestBodiesPerTenantMax", async () => {
    for (const limits of [{ ingestBodiesMax: 1 }, { ingestBodiesPerTenantMax: 1 }]) {
      await using rig = await startMemoryIngest({ limits });
      let end = (): void => {};
      const open = new ReadableStream<Uint8Array>({
        start: (controller) => void (end = () => controller.close()),
      });
      const first = rig.post(open);
      await until("it is read", () => rig.telemetry.value("tidegate_ingest_bodies") === 1);
      const refused = await problemIn(await rig.post(eventLines(1)));
      expect(refused).toMatchObject({ code: "overloaded", limit: 1, retriable: true });
      end();
      expect((await first).status).toBe(200);
      for (let i = 0; i < 3; i++) expect((await rig.post(eventLines(1))).status).toBe(200);
    }
  });

  test("remembers only so many places: ingestRoutesMax", async () => {
    await using rig = await startMemoryIngest({ limits: { ingestRoutesMax: 2 } });
    let body = "";
    for (let i = 0; i < 100; i++)
      body += chat(`room-${i % 7}`, { i }) + eventLines(1, () => "k", `analytics.t${i % 5}`);
    const reply = await replyIn(await rig.post(body));
    expectExact(reply);
    expect(reply.accepted).toBe(200);
  });

  test("makes only so many topics: eventTopicsMax", async () => {
    await using rig = await startMemoryIngest({ limits: { eventTopicsMax: 2 } });
    const types = ["business.a.one", "business.a.two", "business.a.three", "analytics.x"];
    const body = types.map((type) => line({ type, payload: {} })).join("");
    const reply = await replyIn(await rig.post(body + body));
    expectExact(reply);
    expect(reply.accepted).toBe(6);
    expect(reply.faults).toMatchObject([
      {
        code: "forbidden",
        lines: [
          [3, 3],
          [7, 7],
        ],
        limit: 2,
      },
    ]);
  });

  test("refuses a line and a document at their limits: ingestLineBytesMax, ingestBodyBytesMax", async () => {
    const { ingestLineBytesMax, ingestBodyBytesMax } = limitsWith();
    await using rig = await startMemoryIngest();
    const event = '{"type":"analytics.a","payload":{}}';
    const padded = (bytes: number): string => event + " ".repeat(bytes - event.length);
    const reply = await replyIn(
      await rig.post(`${padded(ingestLineBytesMax)}\n${padded(ingestLineBytesMax + 1)}\n${event}`),
    );
    expectExact(reply);
    expect(reply.faults).toMatchObject([
      { code: "content_too_large", lines: [[2, 2]], limit: ingestLineBytesMax },
    ]);
    const json = { "Content-Type": "application/json" };
    const large = await rig.post(`[${event}]${" ".repeat(ingestBodyBytesMax)}`, json);
    expect(await problemIn(large)).toMatchObject({ code: "content_too_large", status: 413 });
  });
});
