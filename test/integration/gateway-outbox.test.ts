import { describe, expect, test } from "bun:test";
import { createMessageService } from "../../gateway/service.ts";
import { createMemoryOutbox } from "../../src/adapters/memory/outbox.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { limitsWith, type Limits } from "../../src/limits.ts";
import { receiptSchema } from "../../src/wire/frame.ts";
import { parseVerdictHeader } from "../../src/wire/record.ts";
import { startMemoryGateway } from "../support/gateway/memory-gateway.ts";
import { faultyOutbox } from "../support/outbox/faulty-outbox.ts";

const random = createSystemRandom();

function newOutbox(limits: Partial<Limits> = {}) {
  const inner = createMemoryOutbox({ clock: createSystemClock(), limits: limitsWith(limits) });
  return { inner, outbox: faultyOutbox(inner) };
}

const start = (outbox: ReturnType<typeof newOutbox>["outbox"], limits: Partial<Limits> = {}) =>
  startMemoryGateway(limits, createSystemDigest(), { outbox });
const message = (conversation = "general", key = random.uuidv7()) => ({
  conversation,
  key,
  attempt: 1,
  content: { text: "é" },
});

describe("a gateway whose log is away", () => {
  test("acks sends out of the outbox, without a place, and keeps their order", async () => {
    const { inner, outbox } = newOutbox();
    await using gateway = await start(outbox);
    const { client } = await gateway.connect("ana");
    gateway.faults.failNextAppend({ code: "log_unavailable" });
    const sends = Array.from({ length: 5 }, () => message());
    const receipts = [];
    for (const send of sends) receipts.push(await client.ask("send", send));
    for (const receipt of receipts) {
      expect(receipt).toEqual({ message: receipt.message, durability: "outbox" });
      expect(receiptSchema.safeParse(receipt).success).toBe(true);
    }
    const kept = [...inner.data.partitions.values()].flatMap(({ rows }) => rows);
    const headers = kept.map(({ record }) => parseVerdictHeader(record));
    expect(headers.map((header) => header?.id)).toEqual(receipts.map((one) => one.message));
    expect(headers.map((header) => header?.attempt)).toEqual([2, 2, 2, 2, 2]);
  });

  test("acks sends over HTTP the same way, with the message id of every try", async () => {
    const { outbox } = newOutbox();
    await using memory = await start(outbox);
    const service = createMessageService(memory.gateway);
    const identity = {
      tenant: "acme",
      user: "ana",
      capabilities: { "*": ["send"] as const },
      expiresAt: undefined,
    };
    const key = random.uuidv7();
    const command = { conversation: "general", key, kind: "text", content: "{}" } as const;
    const first = await service.send(identity, { ...command, attempt: 1 });
    memory.faults.failNextAppend({ code: "unknown_outcome" });
    const second = await service.send(identity, { ...command, attempt: 2 });
    expect(first.durability).toBe("disk");
    expect(second).toEqual({ message: first.message, durability: "outbox" });
  });

  test("answers every send within two seconds when the log does not answer at all", async () => {
    const { outbox } = newOutbox();
    await using gateway = await start(outbox);
    const { client } = await gateway.connect("ana");
    gateway.faults.holdFlush();
    const startedAt = performance.now();
    const receipts = await Promise.all([1, 2, 3].map(() => client.ask("send", message())));
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(receipts.map(({ durability }) => durability)).toEqual(["outbox", "outbox", "outbox"]);
    gateway.faults.releaseFlush();
  });

  test("refuses sends as retriable when the outbox is full", async () => {
    const { outbox } = newOutbox({ outboxBytesMax: 10 });
    await using gateway = await start(outbox);
    const { client } = await gateway.connect("ana");
    gateway.faults.failNextAppend({ code: "log_unavailable" });
    const refused = await client.refusal("send", message());
    expect(refused).toMatchObject({ code: "log_unavailable", retriable: true });
    expect(refused.retry_after_ms).toBeGreaterThan(0);
  });

  test("refuses sends with the log's error when it has no outbox, or is to use none", async () => {
    const { outbox } = newOutbox();
    const none = await startMemoryGateway();
    const unused = await startMemoryGateway({}, createSystemDigest(), {
      outbox,
      eventStore: "kafka",
    });
    for (const gateway of [none, unused]) {
      await using running = gateway;
      const { client } = await running.connect("ana");
      running.faults.failNextAppend({ code: "log_unavailable" });
      expect(await client.refusal("send", message())).toMatchObject({ code: "log_unavailable" });
    }
    expect(outbox.faults).toMatchObject({ puts: 0, looks: 0 });
  });

  test("puts every send into the outbox when the database is to be the event store", async () => {
    const { inner, outbox } = newOutbox();
    await using gateway = await startMemoryGateway({}, createSystemDigest(), {
      outbox,
      eventStore: "database",
    });
    const { client } = await gateway.connect("ana");
    expect(await client.ask("send", message())).toMatchObject({ durability: "outbox" });
    expect(inner.data.rows).toBe(1);
  });
});

describe("a client that comes to another gateway", () => {
  test("sends behind what the first one has in the outbox, until that is published", async () => {
    const { inner, outbox } = newOutbox();
    await using first = await start(outbox);
    await using second = await start(faultyOutbox(inner));
    const before = await second.connect("ben");
    const { client } = await first.connect("ana");
    first.faults.failNextAppend({ code: "log_unavailable" });
    const one = await client.ask("send", message());
    const again = await second.connect("ana");
    const two = await again.client.ask("send", message());
    expect([one.durability, two.durability]).toEqual(["outbox", "outbox"]);
    const [partition] = inner.data.partitions.values();
    const ids = partition?.rows.map(({ record }) => parseVerdictHeader(record)?.id);
    expect(ids).toEqual([one.message, two.message]);
    if (partition === undefined) throw new Error("nothing is in the outbox");
    await inner.publish(partition, 10, (rows) =>
      Promise.resolve({ done: rows.length, parked: [] }),
    );
    const third = await second.connect("ana");
    expect(await third.client.ask("send", message())).toMatchObject({ durability: "disk" });
    expect(await before.client.ask("send", message())).toMatchObject({ durability: "disk" });
  });

  test("connects within outboxWaitMs though the database does not answer", async () => {
    const { outbox } = newOutbox();
    outbox.faults.pendingGate = new Promise(() => {});
    await using gateway = await start(outbox, { outboxWaitMs: 60 });
    const startedAt = performance.now();
    const { client } = await gateway.connect("ana");
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(await client.ask("send", message())).toMatchObject({ durability: "disk" });
    expect(gateway.telemetry.value("tidegate_connects_blind_total")).toBe(1);
  });
});
