import { describe, expect, test } from "bun:test";
import { Ingress } from "../../../gateway/ingress.ts";
import type { Completion, Producer } from "../../../gateway/producer.ts";
import { TenantTallies } from "../../../gateway/tenant-tally.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createSystemDigest } from "../../../src/adapters/system/digest.ts";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { messageRow } from "../../../src/placing/message-row.ts";
import { momentOf } from "../../../src/ports/clock.ts";
import type { OutboxMessage, OutboxRow } from "../../../src/ports/outbox.ts";
import type { SharedBudget } from "../../../src/ports/shared-limits.ts";
import type { LogRecord } from "../../../src/wire/record.ts";
import { parseSendBody } from "../../../src/wire/send-check.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const limits = limitsWith();
const digest = createSystemDigest();
const message: OutboxMessage = {
  tenant: "acme",
  conversation: "bestellungen-ü",
  sender: "shop",
  key: "0198aaaa-bbbb-7ccc-8ddd-000000000001",
  kind: "text",
  content: '{"text":"é \\u0000 漢字",\n  "n": 1.0}',
};

function build(change: Partial<OutboxMessage> = {}, shared = false) {
  const clock = schedulerClock(new Scheduler());
  const placement = {
    topic: shared ? "chat.pool.0" : "chat.messages.acme",
    shared,
    partitions: 12,
  };
  const place = (tenant: string) =>
    tenant === "acme" ? Promise.resolve(placement) : Promise.reject(new AppError("forbidden"));
  const find = (tenant: string) =>
    Promise.resolve(["acme", "former"].includes(tenant) ? placement : undefined);
  const isGone = (tenant: string) => tenant === "former";
  const options = { catalog: { find, isGone, place }, digest, clock, limits, source: "outbox/1" };
  return { row: messageRow({ ...message, ...change }, options), clock, placement };
}

/** The record that a gateway makes of the same message, sent over HTTP. */
function gatewayRecord(shared: boolean): LogRecord {
  const { clock, placement } = build({}, shared);
  let record: LogRecord | undefined;
  const producer = {
    send(_topic: string, _partition: number, made: LogRecord, _completion: Completion) {
      record = made;
    },
  } as unknown as Producer;
  const telemetry = createMemoryTelemetry();
  const ingress = new Ingress({ producer, digest, limits, telemetry, source: "outbox/1" });
  const rate = { perSecond: 100, burst: 100 };
  const sends = { take: () => 0 } as unknown as SharedBudget;
  const tally = new TenantTallies(1).of("acme");
  const tenant = { name: "acme", placement, rate, sends, tally, connections: 0 };
  const route = ingress.route(tenant, "shop", message.conversation);
  const body = parseSendBody(
    `{"key":"${message.key}","attempt":2,"content":${message.content}}`,
    limits,
  );
  if (body instanceof AppError) throw body;
  const id = ingress.idOf(route, message.key);
  const nobody = { appended() {}, kept() {}, failed() {} };
  ingress.submit(route, id, { ...body, key: message.key }, nobody, momentOf(clock));
  const { key, headers, value } = record as LogRecord;
  return { key, headers, value };
}

describe("a message's row", () => {
  test.each([false, true])(
    "has the record that a gateway makes of it, to the byte (shared topic: %p)",
    async (shared) => {
      const row = (await build({}, shared).row) as OutboxRow;
      expect(row.record).toEqual(gatewayRecord(shared));
    },
  );

  const faults: readonly (readonly [string, Partial<OutboxMessage>, string])[] = [
    ["a name that no tenant has", { tenant: "Acme!" }, "forbidden: tenant"],
    ["an unknown tenant", { tenant: "rival" }, "forbidden: there is no tenant rival"],
    ["a tenant that was removed", { tenant: "former" }, "forbidden: there is no tenant former"],
    ["no conversation", { conversation: "" }, "invalid_conversation"],
    ["a line break in the conversation", { conversation: "a\nb" }, "invalid_conversation"],
    ["no sender", { sender: "" }, "invalid_command: sender"],
    ["a weak key", { key: "short" }, "key_weak"],
    ["an unknown kind", { kind: "dance" as "text" }, "invalid_command"],
    ["content that is not JSON", { content: "nonsense" }, "invalid_content"],
    ["content with members beside it", { content: '{}},"key":{"x":{}' }, "invalid_content"],
    ["content that is no object", { content: "[1]" }, "invalid_content"],
    ["large content", { content: `{"text":"${"x".repeat(70_000)}"}` }, "content_too_large"],
    ["deep content", { content: `${'{"a":'.repeat(40)}1${"}".repeat(40)}` }, "invalid_command"],
  ];
  for (const [what, change, fault] of faults)
    test(`with ${what} is none, and says why`, async () => {
      const row = await build(change).row;
      expect("fault" in row ? row.fault : "no fault").toStartWith(fault);
    });

  test("waits when nobody can say where the tenant is", async () => {
    const options = {
      catalog: {
        find: () => Promise.reject(new AppError("store_unavailable")),
        isGone: () => false,
        place: () => Promise.reject(new AppError("store_unavailable")),
      },
      digest,
      clock: schedulerClock(new Scheduler()),
      limits,
      source: "outbox/1",
    };
    expect(messageRow(message, options)).rejects.toThrow("store");
  });
});
