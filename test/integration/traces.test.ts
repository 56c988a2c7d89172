import { expect, test } from "bun:test";
import { derivedContext } from "../../src/wire/trace-context.ts";
import { freshKey } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { until } from "../support/gateway/until.ts";
import { TraceCollector, type CollectedSpan } from "../support/trace/collector.ts";

const ROOM = "traced";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN = "00f067aa0ba902b7";
/** From a sender to a reader. */
const ROAD = ["server", "send", "process", "publish", "store", "relay", "deliver"];

type Settings = Readonly<Record<string, string>>;

function start(collector: TraceCollector, settings: Settings, limits = {}): Promise<TestGateway> {
  return TestGateway.start({
    settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...settings },
    limits: { traceLingerMs: 10, ...limits },
  });
}

const message = (traceparent?: unknown) => ({
  conversation: ROOM,
  key: freshKey(),
  attempt: 1,
  content: { text: "hello" },
  ...(traceparent !== undefined && { traceparent }),
});

function byStep(spans: readonly CollectedSpan[]): ReadonlyMap<string, CollectedSpan> {
  return new Map(
    spans.map((span) => [
      span.kind === "server" ? "server" : (span.name.split(" ")[0] as string),
      span,
    ]),
  );
}

test("a sampled message has one trace, from socket to socket, that its readers never see", async () => {
  using collector = new TraceCollector();
  await using gateway = await start(collector, { OTEL_TRACES_SAMPLER: "always_on" });
  await using sender = await gateway.connect({ user: "ana" });
  await using reader = await gateway.connect({ user: "bob" });
  await reader.ask("subscribe", { conversation: ROOM });
  const { message: id } = await sender.ask("send", message());
  await reader.until("it came", () => reader.events(ROOM).length === 1);
  const spans = await collector.first(ROAD.length, "all spans came", () => true);

  const steps = byStep(spans);
  expect([...steps.keys()].toSorted()).toEqual(ROAD.toSorted());
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(
    new Set([derivedContext(id).traceId]),
  );
  const parentOf = (step: string) => steps.get(step)?.parentSpanId;
  const spanOf = (step: string) => steps.get(step)?.spanId;
  expect(parentOf("server")).toBeUndefined();
  expect(parentOf("send")).toBe(spanOf("server"));
  expect(parentOf("process")).toBe(spanOf("send"));
  expect([parentOf("publish"), parentOf("store")]).toEqual([spanOf("process"), spanOf("process")]);
  expect(parentOf("relay")).toBe(spanOf("publish"));
  expect(parentOf("deliver")).toBe(spanOf("relay"));
  for (const { startedAt, endedAt } of spans) expect(endedAt).toBeGreaterThanOrEqual(startedAt);
  expect(steps.get("process")).toMatchObject({
    kind: "consumer",
    name: "process chat.messages.{tenant}",
    service: "tidegate",
    instance: "standalone",
    attributes: {
      "messaging.system": "tidegate",
      "messaging.message.id": id,
      "messaging.consumer.group.name": "delivery",
      "tidegate.verdict": "placed",
      "tidegate.seq": 1,
    },
  });
  expect(JSON.stringify(reader.lines)).not.toContain(derivedContext(id).traceId);
  const history = await reader.ask("history", { conversation: ROOM });
  expect(JSON.stringify(history)).not.toContain(derivedContext(id).traceId);
  expect(gateway.faults).toEqual([]);
});

test("a client's own trace is gone on with, from a frame as from an HTTP header", async () => {
  using collector = new TraceCollector();
  await using gateway = await start(collector, {});
  await using reader = await gateway.connect({ user: "bob" });
  await reader.ask("subscribe", { conversation: ROOM });
  await using sender = await gateway.connect({ user: "ana" });
  await sender.ask("send", message(`00-${TRACE}-${CLIENT_SPAN}-01`));
  const isFrames = ({ traceId }: CollectedSpan) => traceId === TRACE;
  const frames = byStep(await collector.first(ROAD.length, "the frame's spans came", isFrames));
  expect(frames.get("server")).toMatchObject({
    name: "send tidegate.v1",
    parentSpanId: CLIENT_SPAN,
  });

  const trace = TRACE.replaceAll("4", "5");
  const response = await gateway.request(
    { user: "ana" },
    "POST",
    `/v1/conversations/${ROOM}/messages`,
    { content: { text: "over HTTP" } },
    { traceparent: `00-${trace}-${CLIENT_SPAN}-01` },
  );
  expect(response.status).toBe(201);
  const spans = await collector.first(
    ROAD.length + 1,
    "the request's spans came",
    ({ traceId }) => traceId === trace,
  );
  const steps = byStep(spans);
  expect(steps.get("server")).toMatchObject({
    name: "POST /v1/conversations/{conversation}/messages",
    parentSpanId: CLIENT_SPAN,
  });
  expect(steps.get("authorize")?.parentSpanId).toBe(steps.get("server")?.spanId as string);
});

test.each([
  ["malformed", "00-xyz"],
  ["no text", 17],
  ["unsampled", `00-${TRACE}-${CLIENT_SPAN}-00`],
])("a traceparent that is %s harms nothing and has nothing traced", async (_, traceparent) => {
  using collector = new TraceCollector();
  await using gateway = await start(collector, { OTEL_TRACES_SAMPLER: "parentbased_always_off" });
  await using sender = await gateway.connect({ user: "ana" });
  await sender.ask("send", message(traceparent));
  await sender.ask("send", message(`00-${TRACE.replaceAll("4", "6")}-${CLIENT_SPAN}-01`));
  // The second message is traced, so the first would have been by then.
  await collector.first(5, "the second one's spans came", () => true);
  await gateway.stop();
  expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(
    new Set([TRACE.replaceAll("4", "6")]),
  );
});

test("clients have traceClientsPerSecond messages traced, and the rest is sampled like all", async () => {
  using collector = new TraceCollector();
  await using gateway = await start(
    collector,
    { OTEL_TRACES_SAMPLER_ARG: "0" },
    { traceClientsPerSecond: 1 },
  );
  await using sender = await gateway.connect({ user: "ana" });
  for (let i = 0; i < 5; i++)
    await sender.ask("send", message(`00-${TRACE.slice(1)}${i}-${CLIENT_SPAN}-01`));
  await gateway.stop();
  const traces = new Set(collector.spans.map(({ traceId }) => traceId));
  expect(traces.has(`${TRACE.slice(1)}0`)).toBe(true);
  expect(traces.size).toBeLessThan(5);
});

test("a refused message is traced although nothing is sampled", async () => {
  using collector = new TraceCollector();
  await using gateway = await start(collector, { OTEL_TRACES_SAMPLER: "always_off" });
  await using sender = await gateway.connect({ user: "ana" });
  const first = message();
  const { message: id } = await sender.ask("send", first);
  await sender.ask("send", { ...first, content: { text: "another" } });
  const [span] = await collector.first(1, "the refusal's span came", () => true);
  expect(span).toMatchObject({
    traceId: derivedContext(id).traceId,
    parentSpanId: derivedContext(id).spanId,
    error: "refused: key_conflict",
    attributes: {
      "messaging.message.id": id,
      "tidegate.verdict": "refused",
      "error.type": "key_conflict",
      "tidegate.late": "failed",
    },
  });
  await gateway.stop();
  expect(collector.spans).toHaveLength(1);
});

test("a slow message is traced from where it is found slow, although nothing is sampled", async () => {
  using collector = new TraceCollector();
  await using gateway = await start(collector, {
    OTEL_TRACES_SAMPLER: "always_off",
    TIDEGATE_TRACE_SLOW_MS: "1",
  });
  await using sender = await gateway.connect({ user: "ana" });
  await using reader = await gateway.connect({ user: "bob" });
  await reader.ask("subscribe", { conversation: ROOM });
  const traces = new Set<string>();
  const slow = () =>
    collector.spans.filter(({ attributes }) => attributes["tidegate.late"] === "slow");
  // Nearly every message takes longer than this millisecond; on a quick machine not each does.
  await until("one was slow", async () => {
    const { message: id } = await sender.ask("send", message());
    traces.add(derivedContext(id).traceId);
    return slow().length > 0;
  });
  for (const { traceId } of slow()) expect(traces).toContain(traceId);
});
