import { expect, test } from "bun:test";
import { WorkerTrace } from "../../../consumers/delivery/worker-trace.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createMemoryTracer } from "../../../src/adapters/memory/tracer.ts";
import { NOTHING_KNOWN, Sequencer } from "../../../src/chat/sequencer.ts";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import { Traces } from "../../../src/tracing/traces.ts";
import { encodeMessageRecord, recordTemplate, type LogRecord } from "../../../src/wire/record.ts";
import {
  derivedContext,
  formatTraceparent,
  parseTraceparent,
  withTraceContext,
} from "../../../src/wire/trace-context.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";

const TOPIC = "chat.messages.acme";
const SLOW_MS = 500;

interface Message {
  readonly id: string;
  readonly conversation?: string;
  readonly content?: string;
  readonly sampled?: boolean;
}

function contextOf(id: string, sampled: boolean) {
  return { traceId: derivedContext(id).traceId, spanId: "00f067aa0ba902b7", sampled };
}

function setUp(changes: Partial<Limits> = {}) {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const limits = limitsWith(changes);
  const tracer = createMemoryTracer();
  const tracing = { tracer, ratio: 0, followsClients: true, slowMs: SLOW_MS };
  const telemetry = createMemoryTelemetry();
  const traces = new Traces({ tracing, clock, limits, telemetry });
  const trace = new WorkerTrace({
    traces,
    limits,
    system: "kafka",
    group: "delivery",
    topic: TOPIC,
    partition: 0,
  });
  const sequencer = new Sequencer({
    locate: (key) => ({ tenant: "acme", conversation: key }),
    incarnation: "i",
    windowOffsets: 1_000,
    headsMax: 100,
  });
  let next = 0;
  const recordOf = ({ id, conversation = "general", content = "{}", sampled }: Message) => {
    const origin = { tenant: "acme", conversation, sender: "ana", key: conversation, source: "t" };
    const record: LogRecord = encodeMessageRecord(recordTemplate(origin), {
      key: id,
      id,
      attempt: 1,
      kind: "text",
      timestamp: clock.now(),
      content,
      fingerprint: content,
    });
    return sampled === undefined ? record : withTraceContext(record, contextOf(id, sampled));
  };
  /** What a worker does with a batch that has waited for so long. */
  const fold = (messages: readonly Message[], waitMs = 3) =>
    foldRecords(messages.map(recordOf), waitMs);
  const foldRecords = (records: readonly LogRecord[], waitMs = 3) => {
    const offsets = records.map(() => next++);
    const batch = { topic: TOPIC, partition: 0, records, offsets, nextOffset: next };
    trace.received();
    scheduler.pass(waitMs);
    const folded = sequencer.fold(sequencer.prepare(records, offsets), NOTHING_KNOWN, 0);
    return trace.folded(batch, folded);
  };
  const leftOut = () => telemetry.value("tidegate_trace_late_left_out_total", { reason: "slow" });
  return { scheduler, tracer, fold, foldRecords, leftOut };
}

const names = (spans: readonly { readonly name: string }[]) =>
  spans.map(({ name }) => name.split(" ")[0]);

test("a batch without a sampled record leaves nothing", () => {
  const { fold, tracer } = setUp();
  expect(fold([{ id: "a" }, { id: "b", sampled: false }])).toBeUndefined();
  expect(tracer.spans).toEqual([]);
});

test("a sampled record's verdict, publication and commit are spans of its trace", () => {
  const { fold, tracer, scheduler } = setUp();
  const traced = fold([{ id: "a" }, { id: "b", sampled: true }]);
  traced?.published();
  scheduler.pass(40);
  traced?.stored([traced]);
  expect(names(tracer.spans)).toEqual(["process", "publish", "store"]);
  const [processed, published, stored] = tracer.spans;
  for (const { traceId } of tracer.spans) expect(traceId).toBe(derivedContext("b").traceId);
  expect(processed?.parentSpanId).toBe("00f067aa0ba902b7");
  expect(processed?.attributes).toMatchObject({
    "messaging.kafka.offset": 1,
    "messaging.batch.message_count": 2,
    "tidegate.verdict": "placed",
    "tidegate.seq": 2,
  });
  expect((processed?.endedAt ?? 0) - (processed?.startedAt ?? 0)).toBe(3);
  expect((stored?.endedAt ?? 0) - (stored?.startedAt ?? 0)).toBe(40);
  expect(stored?.attributes).toEqual({
    "db.system.name": "postgresql",
    "db.operation.name": "commit",
  });
  const [run] = traced?.runs ?? [];
  expect(run?.events).toHaveLength(2);
  expect(run?.traces).toEqual([
    {
      index: 1,
      traceparent: formatTraceparent({
        traceId: derivedContext("b").traceId,
        spanId: published?.spanId ?? "",
        sampled: true,
      }),
    },
  ]);
});

test("each run has the traces of its own events, by their index", () => {
  const { fold } = setUp();
  const traced = fold([
    { id: "a", sampled: true },
    { id: "b", conversation: "other", sampled: true },
    { id: "c" },
    { id: "d", sampled: true },
    { id: "e", conversation: "quiet" },
  ]);
  const found = traced?.runs.map(({ conversation, traces }) => [
    conversation,
    traces?.map(({ index, traceparent }) => [index, parseTraceparent(traceparent)?.traceId]),
  ]);
  const of = (id: string) => derivedContext(id).traceId;
  expect(found).toEqual([
    [
      "general",
      [
        [0, of("a")],
        [2, of("d")],
      ],
    ],
    ["other", [[0, of("b")]]],
    ["quiet", undefined],
  ]);
});

test("a sampled duplicate is told, and neither published nor stored", () => {
  const { fold, tracer } = setUp();
  fold([{ id: "a" }]);
  const traced = fold([{ id: "a", sampled: true }]);
  traced?.published();
  traced?.stored([traced]);
  expect(tracer.spans.map(({ attributes }) => attributes["tidegate.verdict"])).toEqual([
    "duplicate",
  ]);
});

test("a refused record is an error of the trace that its id leads to, sampled or not", () => {
  const { fold, tracer } = setUp();
  fold([{ id: "a" }]);
  fold([{ id: "a", content: '{"other":1}' }]);
  expect(tracer.spans).toHaveLength(1);
  expect(tracer.spans[0]).toMatchObject({
    traceId: derivedContext("a").traceId,
    parentSpanId: derivedContext("a").spanId,
    error: "refused: key_conflict",
    attributes: { "tidegate.verdict": "refused", "tidegate.late": "failed" },
  });
});

test("a batch that is late is traced message by message, the sampled ones once", () => {
  const { fold, tracer } = setUp();
  const traced = fold([{ id: "a" }, { id: "b", sampled: true }, { id: "c" }], SLOW_MS);
  const late = tracer.spans.map(({ traceId, attributes }) => [
    traceId,
    attributes["tidegate.late"],
  ]);
  expect(late).toEqual([
    [derivedContext("b").traceId, undefined],
    [derivedContext("a").traceId, "slow"],
    [derivedContext("c").traceId, "slow"],
  ]);
  expect(traced?.runs[0]?.traces?.map(({ index }) => index)).toEqual([0, 1, 2]);
});

test("a late message whose client decided against a trace is told in the client's own", () => {
  const { fold, tracer } = setUp();
  fold([{ id: "a", sampled: false }], SLOW_MS);
  expect(tracer.spans[0]).toMatchObject({
    parentSpanId: "00f067aa0ba902b7",
    attributes: { "tidegate.late": "slow" },
  });
});

test("of a late batch traceLatePerSecond messages are traced, and the rest is counted", () => {
  const { fold, tracer, leftOut } = setUp({ traceLatePerSecond: 2 });
  fold([{ id: "a" }, { id: "b" }, { id: "c" }, { id: "d" }, { id: "e" }], SLOW_MS);
  expect(tracer.spans).toHaveLength(2);
  expect(leftOut()).toBe(3);
});

test("records of one batch and folds of one commit are linked, the first one with traceLinksMax", () => {
  const { fold, tracer } = setUp({ traceLinksMax: 2 });
  const linked = (from: number) =>
    tracer.spans.slice(from).map(({ links }) => links?.map(({ traceId }) => traceId));
  const of = (id: string) => derivedContext(id).traceId;
  const first = fold([
    { id: "a", sampled: true },
    { id: "b", sampled: true },
    { id: "c", sampled: true },
    { id: "d", sampled: true },
  ]);
  expect(linked(0)).toEqual([[of("b"), of("c")], [of("a")], [of("a")], [of("a")]]);
  const second = fold([{ id: "e", sampled: true }]);
  expect(linked(4)).toEqual([undefined]);
  const both = [second, first].flatMap((one) => one ?? []);
  for (const one of both) one.stored(both);
  expect(linked(5)).toEqual([[of("a"), of("b")], [of("e")], [of("e")], [of("e")], [of("e")]]);
});

test("records that are damaged have a trace each, of their id where they still tell it", () => {
  const { foldRecords, tracer } = setUp();
  const damaged = (value: string): LogRecord => ({ key: "general", headers: {}, value });
  foldRecords([damaged('{"id":"k.s","type":"message.sent"}'), damaged("?"), damaged("")]);
  expect(names(tracer.spans)).toEqual(["process", "process", "process"]);
  expect(tracer.spans.map(({ attributes }) => attributes["messaging.message.id"])).toEqual([
    "k.s",
    undefined,
    undefined,
  ]);
  const [first, ...others] = tracer.spans.map(({ traceId }) => traceId);
  expect(first).toBe(derivedContext("k.s").traceId);
  expect(new Set([first, ...others]).size).toBe(3);
});
