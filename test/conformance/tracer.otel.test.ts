import { expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { createOtelTracer } from "../../src/adapters/otel/tracer.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { limitsWith, type Limits } from "../../src/limits.ts";
import type { SpanRecord } from "../../src/ports/tracer.ts";
import { until } from "../support/gateway/until.ts";
import { TraceCollector } from "../support/trace/collector.ts";
import { tracerConformance } from "./tracer.ts";

const SPANS_MAX = 20;

function open(limits: Partial<Limits> = {}) {
  const collector = new TraceCollector();
  const telemetry = createMemoryTelemetry();
  const tracer = createOtelTracer({
    url: `${collector.endpoint}/v1/traces`,
    headers: { "x-key": "secret" },
    serviceName: "tidegate",
    instance: "gateway-1",
    clock: createSystemClock(),
    telemetry,
    limits: limitsWith({ traceSpansMax: SPANS_MAX, traceLingerMs: 5, ...limits }),
  });
  return {
    collector,
    telemetry,
    tracer,
    arrived: () => collector.spans,
    spansMax: SPANS_MAX,
    async [Symbol.asyncDispose]() {
      await tracer.close();
      collector[Symbol.dispose]();
    },
  };
}

tracerConformance(() => open());

const SPAN: SpanRecord = {
  name: "send chat.messages.{tenant}",
  kind: "client",
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  parentSpanId: "53995c3f42cd8ad8",
  startedAt: 1_795_254_378_085.25,
  endedAt: 1_795_254_378_086.5,
  attributes: { "messaging.batch.message_count": 3, "messaging.system": "kafka", slow: true },
  links: [{ traceId: "c".repeat(32), spanId: "d".repeat(16) }],
  error: "the log is away",
};

test("a span arrives with all that it has, and where it comes from", async () => {
  await using under = open();
  const { collector, tracer, telemetry } = under;
  tracer.record(SPAN);
  await until("it has arrived", () => collector.spans.length === 1);
  expect(collector.spans[0]).toEqual({
    ...SPAN,
    links: [...(SPAN.links ?? [])],
    service: "tidegate",
    instance: "gateway-1",
  } as (typeof collector.spans)[number]);
  expect(collector.headers?.get("x-key")).toBe("secret");
  await until("it is counted", () => telemetry.value("tidegate_trace_spans_exported_total") === 1);
});

test("a span without parent, links and error has none when it arrives", async () => {
  await using under = open();
  const { parentSpanId: _, links: _links, error: _error, ...rest } = SPAN;
  under.tracer.record({ ...rest, parentSpanId: undefined });
  await under.tracer.close();
  expect(under.collector.spans[0]).toMatchObject({
    parentSpanId: undefined,
    links: [],
    error: undefined,
  });
});

test("many spans go in exports of traceBatchSpansMax, one at a time", async () => {
  await using under = open({ traceBatchSpansMax: 4 });
  for (let i = 0; i < 10; i++) under.tracer.record(SPAN);
  await under.tracer.close();
  expect(under.collector.spans).toHaveLength(10);
  expect(under.collector.requests).toBe(3);
});

test("what the collector refuses is dropped and counted, and said once", async () => {
  await using under = open({ traceExportTimeoutMs: 200, traceCloseMs: 2_000 });
  const { collector, telemetry, tracer } = under;
  const failed = () =>
    telemetry.value("tidegate_trace_spans_dropped_total", { reason: "failed" }) ?? 0;
  collector.status = 400;
  tracer.record(SPAN);
  await until("the first is given up", () => failed() === 1);
  tracer.record(SPAN);
  await until("the second is given up", () => failed() === 2);
  collector.status = 200;
  tracer.record(SPAN);
  await until("the third has arrived", () => collector.spans.length === 1);
  await until("it says so", () => telemetry.lines.length === 2);
  expect(telemetry.lines.map(({ level }) => level)).toEqual(["warn", "info"]);
});

test("a collector that answers nothing delays neither record nor the end", async () => {
  const silent = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Promise<Response>(() => undefined),
  });
  const telemetry = createMemoryTelemetry();
  const limits = limitsWith({ traceLingerMs: 1, traceCloseMs: 50, traceSpansMax: 2 });
  const tracer = createOtelTracer({
    url: `http://127.0.0.1:${silent.port}/v1/traces`,
    headers: {},
    serviceName: "tidegate",
    instance: "gateway-1",
    clock: createSystemClock(),
    telemetry,
    limits,
  });
  tracer.record(SPAN);
  await until("it is on its way", () => telemetry.value("tidegate_trace_spans_waiting") === 0);
  for (let i = 0; i < 5; i++) tracer.record(SPAN);
  const startedAt = performance.now();
  await tracer.close();
  expect(performance.now() - startedAt).toBeLessThan(1_500);
  expect(telemetry.value("tidegate_trace_spans_dropped_total", { reason: "full" })).toBe(3);
  expect(telemetry.value("tidegate_trace_spans_dropped_total", { reason: "failed" })).toBe(2);
  await silent.stop(true);
});
