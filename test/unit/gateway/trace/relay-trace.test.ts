import { expect, test } from "bun:test";
import { RelayTrace } from "../../../../gateway/trace/relay-trace.ts";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { createMemoryTracer } from "../../../../src/adapters/memory/tracer.ts";
import { limitsWith } from "../../../../src/limits.ts";
import type { PublishedRun } from "../../../../src/ports/backplane.ts";
import { Traces } from "../../../../src/tracing/traces.ts";
import { derivedContext } from "../../../../src/wire/trace-context.ts";
import { Scheduler, schedulerClock } from "../../../simulation/scheduler.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const SLOW_MS = 500;

function setUp() {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const tracer = createMemoryTracer();
  const tracing = { tracer, ratio: 0, followsClients: true, slowMs: SLOW_MS };
  const limits = limitsWith();
  const traces = new Traces({ tracing, clock, limits, telemetry: createMemoryTelemetry() });
  const readers: Record<string, number> = { general: 2, empty: 0 };
  const trace = new RelayTrace({
    traces,
    clock,
    system: "kafka",
    readersOf: ({ conversation }) => readers[conversation],
  });
  const stamp = clock.now();
  const runOf = (conversation: string, of: PublishedRun["traces"]): PublishedRun => ({
    tenant: "acme",
    conversation,
    epoch: "e",
    firstSeq: 7,
    offsets: [40, 41],
    events: ["a", "b"].map(
      (id) => `{"id":"${id}","type":"message.sent","timestamp":${stamp},"content":{}}`,
    ),
    traces: of,
  });
  const hear = (...runs: readonly PublishedRun[]): void => {
    const publication = { topic: "chat.messages.acme", partition: 3, ownerEpoch: 1, number: 1 };
    trace.delivered({ ...publication, runs }, trace.now());
  };
  return { scheduler, tracer, runOf, hear };
}

const sampled = [{ index: 1, traceparent: `00-${TRACE}-${SPAN}-01` }];

test("a traced event is followed to its readers' sockets, which are written at the turn's end", () => {
  const { scheduler, tracer, runOf, hear } = setUp();
  hear(runOf("general", sampled));
  expect(tracer.spans.map(({ name }) => name)).toEqual(["relay chat.messages.{tenant}"]);
  scheduler.pass(0);
  const [relay, deliver] = tracer.spans;
  expect(relay).toMatchObject({ kind: "consumer", traceId: TRACE, parentSpanId: SPAN });
  expect(relay?.attributes).toMatchObject({
    "messaging.message.id": "b",
    "messaging.kafka.offset": 41,
    "tidegate.seq": 8,
    "tidegate.readers": 2,
  });
  expect(deliver).toMatchObject({
    name: "deliver tidegate.v1",
    traceId: TRACE,
    parentSpanId: relay?.spanId,
  });
});

test("what nobody reads here has no span, and what its last reader has left is not delivered", () => {
  const { scheduler, tracer, runOf, hear } = setUp();
  hear(runOf("elsewhere", sampled), runOf("empty", sampled));
  scheduler.pass(0);
  expect(tracer.spans.map(({ attributes }) => attributes["tidegate.readers"])).toEqual([0]);
});

test.each([
  ["malformed", "nothing"],
  ["not sampled", `00-${TRACE}-${SPAN}-00`],
])("a context that is %s is not followed", (_, traceparent) => {
  const { scheduler, tracer, runOf, hear } = setUp();
  hear(
    runOf("general", [{ index: 0, traceparent }]),
    runOf("general", [{ ...sampled[0], index: 9 } as never]),
  );
  scheduler.pass(0);
  expect(tracer.spans).toEqual([]);
});

test("a late publication is followed from here on, each event in the trace of its id", () => {
  const { scheduler, tracer, runOf, hear } = setUp();
  scheduler.pass(SLOW_MS);
  hear(runOf("general", sampled));
  scheduler.pass(0);
  const relayed = tracer.spans.filter(({ name }) => name.startsWith("relay"));
  expect(relayed.map(({ traceId }) => traceId)).toEqual([TRACE, derivedContext("a").traceId]);
  for (const { attributes } of relayed)
    expect(attributes).toMatchObject({ "tidegate.late": "slow", "tidegate.age_ms": SLOW_MS });
  expect(tracer.spans).toHaveLength(4);
});
