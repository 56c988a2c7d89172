import { expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { MessageLatency } from "../../../src/ops/message-latency.ts";

const NAME = "tidegate_message_latency_seconds";

function setUp(now: number) {
  const telemetry = createMemoryTelemetry();
  const latency = new MessageLatency(telemetry, { now: () => now }, "written");
  return { telemetry, latency };
}

test("the oldest message's age counts for all of its batch", () => {
  const { telemetry, latency } = setUp(5_250);
  latency.observe('{"id":"a","type":"message.sent","timestamp":5000}', 4);
  expect(telemetry.distribution(NAME, { stage: "written" })).toMatchObject({ count: 4, sum: 1 });
  expect(telemetry.value("tidegate_message_clock_behind_total")).toBe(0);
});

test("a stamp from the future counts as no time, and is told", () => {
  const { telemetry, latency } = setUp(5_000);
  latency.observeStamp(5_400, 1);
  expect(telemetry.distribution(NAME, { stage: "written" })).toMatchObject({ count: 1, sum: 0 });
  expect(telemetry.value("tidegate_message_clock_behind_total")).toBe(1);
});

test("a text without a stamp is not measured", () => {
  const { telemetry, latency } = setUp(5_000);
  latency.observe("", 3);
  expect(telemetry.distribution(NAME, { stage: "written" })?.count).toBe(0);
});
