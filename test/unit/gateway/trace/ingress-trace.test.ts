import { expect, test } from "bun:test";
import { Producer, type Completion } from "../../../../gateway/producer.ts";
import { SOCKET_ENTRY } from "../../../../gateway/trace/entry.ts";
import { IngressTrace } from "../../../../gateway/trace/ingress-trace.ts";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { createMemoryTracer } from "../../../../src/adapters/memory/tracer.ts";
import { AppError } from "../../../../src/errors.ts";
import { limitsWith, type Limits } from "../../../../src/limits.ts";
import { Traces } from "../../../../src/tracing/traces.ts";
import {
  encodeMessageRecord,
  recordTemplate,
  type LogRecord,
} from "../../../../src/wire/record.ts";
import { derivedContext, withTraceContext } from "../../../../src/wire/trace-context.ts";
import { Scheduler, schedulerClock } from "../../../simulation/scheduler.ts";

const TOPIC = "chat.messages.acme";
const route = {
  topic: TOPIC,
  partition: 3,
  conversation: "general",
  tenant: { name: "acme" },
};
const template = recordTemplate({
  tenant: "acme",
  conversation: "general",
  sender: "ana",
  key: "general",
  source: "test",
});

function recordOf(id: string): LogRecord {
  return encodeMessageRecord(template, {
    key: id,
    id,
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: "{}",
    fingerprint: "f",
  });
}

function setUp(ratio: number, changes: Partial<Limits> = {}) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const limits = limitsWith(changes);
  const telemetry = createMemoryTelemetry();
  const tracer = createMemoryTracer();
  const tracing = { tracer, ratio, followsClients: true, slowMs: 100 };
  const traces = new Traces({ tracing, clock, limits, telemetry });
  const random = { next: () => 0.5, uuidv7: () => "" };
  const trace = new IngressTrace({ traces, tracing, random, limits, system: "kafka" });
  const appends: PromiseWithResolvers<number>[] = [];
  const log = {
    append() {
      const settle = Promise.withResolvers<number>();
      appends.push(settle);
      return settle.promise;
    },
  };
  const producer = new Producer({ log, clock, limits, watch: trace });
  const heard: string[] = [];
  /** As the ingress does it. */
  const send = (id: string, traceparent?: string): void => {
    const completion: Completion = {
      entry: SOCKET_ENTRY,
      appended: (_, offset) => heard.push(`${id} ${offset}`),
      kept: () => heard.push(`${id} kept`),
      failed: (error) => heard.push(`${id} ${error.code}`),
    };
    const message = trace.begin(id, route, traceparent, completion);
    const record = recordOf(id);
    const refused =
      message === undefined
        ? producer.send(TOPIC, 3, record, completion)
        : producer.send(TOPIC, 3, withTraceContext(record, message.context), message);
    if (refused !== undefined) trace.refused(id, route, message, refused);
  };
  const leftOut = (reason: string) =>
    telemetry.value("tidegate_trace_late_left_out_total", { reason });
  return { scheduler, appends, send, tracer, heard, leftOut };
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `message-${i}`);
const traceOf = (id: string) => derivedContext(id).traceId;

test("a message that is not sampled, quick and taken leaves no span", () => {
  const { scheduler, appends, send, tracer, heard } = setUp(0);
  send("message-0");
  scheduler.pass(0);
  scheduler.pass(99);
  appends[0]?.resolve(40);
  scheduler.pass(0);
  expect(heard).toEqual(["message-0 40"]);
  expect(tracer.spans).toEqual([]);
});

test("sampled messages of one append are linked with its first one, and that with them", () => {
  const { scheduler, appends, send, tracer, heard } = setUp(1);
  for (const id of ids(3)) send(id);
  scheduler.pass(0);
  appends[0]?.resolve(40);
  scheduler.pass(5);
  expect(heard).toEqual(["message-0 40", "message-1 41", "message-2 42"]);
  const sent = tracer.spans.filter(({ kind }) => kind === "producer");
  expect(sent.map(({ traceId }) => traceId)).toEqual(ids(3).map(traceOf));
  const linked = sent.map(({ links }) => links?.map(({ spanId }) => spanId));
  const [first, second, third] = sent.map(({ spanId }) => spanId);
  expect<unknown>(linked).toEqual([[second, third], [first], [first]]);
  expect(sent.map(({ attributes }) => attributes["messaging.kafka.offset"])).toEqual([40, 41, 42]);
  expect(sent[0]?.attributes["messaging.batch.message_count"]).toBe(3);
});

test("an append that takes slowMs has all of its messages traced", () => {
  const { scheduler, appends, send, tracer } = setUp(0);
  for (const id of ids(3)) send(id);
  scheduler.pass(0);
  scheduler.pass(100);
  appends[0]?.resolve(40);
  scheduler.pass(0);
  expect(tracer.spans.map(({ traceId }) => traceId)).toEqual(ids(3).map(traceOf));
  for (const { endedAt, startedAt, attributes } of tracer.spans) {
    expect(endedAt - startedAt).toBe(100);
    expect(attributes["tidegate.late"]).toBe("slow");
  }
});

test("a failed append has all of its messages traced, of which a sampled one has its spans too", () => {
  const { scheduler, appends, send, tracer, heard } = setUp(0);
  const trace = "a".repeat(32);
  send("message-0");
  send("message-1", `00-${trace}-${"b".repeat(16)}-01`);
  scheduler.pass(0);
  appends[0]?.reject(new AppError("log_unavailable", "the broker is away"));
  scheduler.pass(0);
  expect(heard).toEqual(["message-0 log_unavailable", "message-1 log_unavailable"]);
  const failed = tracer.spans.filter(({ error }) => error === "the broker is away");
  expect(failed.map(({ name, traceId }) => [name, traceId])).toEqual([
    ["send tidegate.v1", trace],
    ["send chat.messages.{tenant}", trace],
    ["send chat.messages.{tenant}", traceOf("message-0")],
  ]);
  for (const { attributes } of failed) expect(attributes["error.type"]).toBe("log_unavailable");
});

test("a message whose client decided against a trace has one all the same when it fails", () => {
  const { scheduler, appends, send, tracer } = setUp(1);
  const trace = "a".repeat(32);
  for (const id of ids(2)) {
    send(id, `00-${trace}-${"b".repeat(16)}-00`);
    scheduler.pass(0);
  }
  appends[0]?.resolve(40);
  scheduler.pass(0);
  expect(tracer.spans).toEqual([]);
  appends[1]?.reject(new AppError("disk_full"));
  scheduler.pass(0);
  expect(new Set(tracer.spans.map(({ traceId }) => traceId))).toEqual(new Set([trace]));
});

test("a message that there is no room for is traced, and what its client can mend is not", () => {
  const { send, tracer, scheduler } = setUp(0, { appendPendingBytesMax: 1 });
  send("message-0");
  expect(tracer.spans.map(({ traceId, error }) => [traceId, error])).toEqual([
    [traceOf("message-0"), "too much waits for the log"],
  ]);
  scheduler.pass(0);
});

test("of too many slow or failed messages traceLatePerSecond are traced and the rest is counted", () => {
  const { scheduler, appends, send, tracer, leftOut } = setUp(0, { traceLatePerSecond: 4 });
  for (const id of ids(10)) send(id);
  scheduler.pass(0);
  appends[0]?.reject(new AppError("log_unavailable"));
  scheduler.pass(0);
  expect(tracer.spans).toHaveLength(4);
  expect([leftOut("failed"), leftOut("slow")]).toEqual([6, 0]);
});
