import { expect, test } from "bun:test";
import { derivedContext } from "../../src/wire/trace-context.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { TraceCollector } from "../support/trace/collector.ts";

const TIMEOUT_MS = 120_000;
/** From a sender at one gateway to a reader at another. */
const ROAD = ["send", "process", "publish", "store", "relay", "deliver"];

test(
  "a message has one trace over its sender's gateway, the consumers and its reader's gateway",
  async () => {
    using collector = new TraceCollector();
    await using cluster = await TestCluster.create();
    const settings = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_TRACES_SAMPLER: "always_on",
    };
    const { name: tenant } = await cluster.addTenant("acme");
    const [near, far] = await Promise.all([
      cluster.startGateway({ ...settings, TIDEGATE_WORKER: "near" }),
      cluster.startGateway({ ...settings, TIDEGATE_WORKER: "far" }),
      cluster.startConsumers(["delivery"], { ...settings, TIDEGATE_WORKER: "middle" }),
    ]);
    const reader = cluster.client(far.url, tenant, "bob");
    const events = reader.subscribe("general", { tail: 10 }).events()[Symbol.asyncIterator]();
    const sender = cluster.client(near.url, tenant, "ana");
    // Of the first one the reader may hear from the store alone.
    await sender.send("general", { text: "first" }).receipt;
    await events.next();
    const { key, receipt } = sender.send("general", { text: "second" });
    const { message: id } = await receipt;
    expect(id).toStartWith(key);
    await events.next();

    const { traceId } = derivedContext(id);
    const spans = await collector.first(
      ROAD.length + 1,
      "all spans came",
      (span) => span.traceId === traceId,
    );
    const places = new Map(spans.map((span) => [span.name.split(" ")[0], span.instance]));
    expect(Object.fromEntries(places)).toEqual({
      // Also the span of the socket, which has the same first word.
      send: "near",
      process: "middle",
      publish: "middle",
      store: "middle",
      relay: "far",
      deliver: "far",
    });
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
    expect(roots.map(({ kind, name }) => [kind, name])).toEqual([["server", "send tidegate.v1"]]);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    for (const { parentSpanId } of spans)
      if (parentSpanId !== undefined) expect(ids).toContain(parentSpanId);
    const processed = spans.find(({ name }) => name.startsWith("process"));
    expect(processed?.attributes).toMatchObject({
      "messaging.system": "kafka",
      "messaging.destination.name": `chat.messages.${tenant}`,
      "messaging.message.id": id,
      "tidegate.seq": 2,
    });
  },
  TIMEOUT_MS,
);
