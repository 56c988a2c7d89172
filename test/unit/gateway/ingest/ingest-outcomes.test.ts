import { describe, expect, test } from "bun:test";
import { createMemoryOutbox } from "../../../../src/adapters/memory/outbox.ts";
import { createSystemClock } from "../../../../src/adapters/system/clock.ts";
import { AppError } from "../../../../src/errors.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { ingestReceiptSchema } from "../../../../src/wire/http.ts";
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

describe("a log that fails in the middle of a body", () => {
  test("ends the reading; what was told is exact, and sending the rest again completes every key in order", async () => {
    for (const code of ["log_unavailable", "unknown_outcome", "disk_full"] as const) {
      await using rig = await startMemoryIngest({ limits: { ingestInFlightEventsMax: 300 } });
      const total = 2_000;
      const chunks: string[] = [];
      const all = eventLines(total).split("\n").slice(0, -1);
      for (let i = 0; i < total; i += 50) chunks.push(`${all.slice(i, i + 50).join("\n")}\n`);
      const failing = chunks.map((chunk, i) => {
        return () => {
          if (i === 17) rig.faults.failNextAppend({ code, kept: false, topic: TOPIC });
          return chunk;
        };
      });
      const { stream } = chunked(failing.values().map((make) => make()));
      const response = await rig.post(stream);
      expect(response.status).toBe(207);
      const reply = await replyIn(response);
      expectExact(reply);
      expect(reply.complete).toBe(false);
      expect(reply.lines).toBeLessThan(total);
      expect(reply.stopped).toMatchObject({ code, retriable: true });
      // Exactly the lines that it says are there are there.
      const refused = new Set<number>();
      for (const { lines } of reply.faults)
        for (const [from, to] of lines) for (let i = from; i <= to; i++) refused.add(i);
      const told: number[] = [];
      for (let i = 1; i <= reply.lines; i++) if (!refused.has(i)) told.push(i - 1);
      const there = (await rig.records(TOPIC)).flatMap(numbersIn);
      expect(there.toSorted((a, b) => a - b)).toEqual(told);

      const again = all.filter((_, i) => refused.has(i + 1) || i >= reply.lines).join("\n");
      expect((await rig.post(again)).status).toBe(200);
      const records = (await rig.records(TOPIC)).flat();
      expect(records).toHaveLength(total);
      for (const key of new Set(records.map((record) => record.key))) {
        const numbers = numbersIn(records.filter((record) => record.key === key));
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
    }
  });

  test("refuses chat lines as retriable where there is no outbox, and says so of each", async () => {
    await using rig = await startMemoryIngest();
    await rig.post(chat("general"));
    rig.faults.failNextAppend({ code: "log_unavailable" });
    const response = await rig.post(chat("general") + chat("general"));
    expect(response.headers.get("Retry-After")).toBe("1");
    expect(await problemIn(response)).toMatchObject({
      status: 503,
      code: "log_unavailable",
      faults: [{ lines: [[1, 2]] }],
      accepted: 0,
    });
  });

  test("puts chat lines into the outbox where there is one, and goes on with the body", async () => {
    const clock = createSystemClock();
    const outbox = createMemoryOutbox({ clock, limits: limitsWith() });
    await using rig = await startMemoryIngest({ failover: { outbox } });
    await rig.post(chat("general"));
    rig.faults.failNextAppend({ code: "log_unavailable", topic: "chat.messages.acme" });
    const response = await rig.post(chat("general") + eventLines(5) + chat("general"));
    expect(response.status).toBe(200);
    const reply = await replyIn(response);
    expectExact(reply);
    expect(reply.kept).toContainEqual({
      topic: "chat.messages.acme",
      durability: "outbox",
      count: 2,
      lines: [1, 7],
    });
    rig.faults.failNextAppend({ code: "log_unavailable", topic: "chat.messages.acme" });
    const each = await rig.post(chat("general"), {}, "?receipts=each");
    const receipts = linesOf(each);
    await receipts.next();
    expect(await receipts.next()).toMatchObject({ line: 1, durability: "outbox" });
  });

  test("that cannot open a topic refuses its first line as retriable and reads no further", async () => {
    await using rig = await startMemoryIngest({
      wrap: (log) => ({
        ...log,
        append: (...args) => log.append(...args),
        topics: () => log.topics(),
        createTopic: (spec) => log.createTopic(spec),
        describeTopic: (name) =>
          name.startsWith("business.")
            ? Promise.reject(new AppError("log_unavailable"))
            : log.describeTopic(name),
      }),
    });
    const body = eventLines(3) + line({ type: "business.a.b", payload: {} }) + eventLines(3);
    const reply = await replyIn(await rig.post(body));
    expectExact(reply);
    expect(reply).toMatchObject({ lines: 4, accepted: 3, complete: false });
    expect(reply.faults).toMatchObject([{ code: "log_unavailable", lines: [[4, 4]] }]);
  });
});

describe("receipts one by one", () => {
  test("come while the body is still being written, with id and place, and end with a summary", async () => {
    await using rig = await startMemoryIngest();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const write = (text: string) => writer.write(new TextEncoder().encode(text));
    const key = freshKey();
    const response = await rig.post(readable, { "Idempotency-Key": key }, "?receipts=each");
    expect(response.status).toBe(200);
    const reader = linesOf(response);
    // Before any line is there: what a client has to know to send the same ids, should all break off.
    expect(ingestReceiptSchema.parse(await reader.next())).toEqual({ begin: { request: key } });
    await write(eventLines(1));
    const first = ingestReceiptSchema.parse(await reader.next());
    expect(first).toMatchObject({ line: 1, topic: TOPIC, offset: "0", durability: "disk" });
    expect((first as { id: string }).id).toStartWith("id-0.");
    await write("nonsense\n");
    expect(await reader.next()).toMatchObject({ line: 2, error: { code: "invalid_event" } });
    await write(chat("general"));
    expect(await reader.next()).toMatchObject({ line: 3, topic: "chat.messages.acme" });
    await writer.close();
    expect(await reader.next()).toMatchObject({ end: { lines: 3, accepted: 2, complete: true } });
    expect(await reader.next()).toBeUndefined();
  });

  test("that nobody reads hold the body back: ingestReceiptsBytesMax", async () => {
    await using rig = await startMemoryIngest({
      limits: { ingestReceiptsBytesMax: 2_000, ingestInFlightEventsMax: 50 },
    });
    const { stream, taken } = chunked(Array.from({ length: 500 }, () => eventLines(10)));
    const response = await rig.post(stream, {}, "?receipts=each");
    const published = (): number => rig.telemetry.value("tidegate_events_published_total") ?? 0;
    await until("receipts wait", () => published() >= 20);
    await manyTurns();
    expect(taken()).toBeLessThan(30);
    const reader = linesOf(response);
    const lines = new Set<number>();
    for (let one = await reader.next(); one !== undefined; one = await reader.next()) {
      if ("end" in one) expect(one.end).toMatchObject({ lines: 5_000, accepted: 5_000 });
      else if ("line" in one) lines.add(Number(one["line"]));
    }
    expect(lines.size).toBe(5_000);
  });

  test("end the reading when the client goes", async () => {
    await using rig = await startMemoryIngest();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const response = await rig.post(readable, {}, "?receipts=each");
    await writer.write(new TextEncoder().encode(eventLines(1)));
    await until("it is kept", () => rig.telemetry.value("tidegate_events_published_total") === 1);
    await response.body?.cancel();
    await until("nothing is read", () => rig.telemetry.value("tidegate_ingest_bodies") === 0);
    expect((await rig.records(TOPIC)).flat()).toHaveLength(1);
  });
});

/** The lines of an answer, one at a time. */
function linesOf(response: Response): {
  next(): Promise<Record<string, unknown> | undefined>;
} {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  return {
    async next() {
      for (;;) {
        const end = text.indexOf("\n");
        if (end >= 0) {
          const one = JSON.parse(text.slice(0, end)) as Record<string, unknown>;
          text = text.slice(end + 1);
          return one;
        }
        const { done, value } = await reader.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    },
  };
}
