import { expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createMemoryTracer } from "../../../src/adapters/memory/tracer.ts";
import { limitsWith } from "../../../src/limits.ts";
import { Traces } from "../../../src/tracing/traces.ts";

test("slow messages use up nothing of what failures may be traced, and each is admitted again later", () => {
  let now = 1_000;
  const telemetry = createMemoryTelemetry();
  const traces = new Traces({
    tracing: { tracer: createMemoryTracer(), ratio: 0, followsClients: true, slowMs: 100 },
    clock: { now: () => now, monotonic: () => now },
    limits: limitsWith({ traceLatePerSecond: 10 }),
    telemetry,
  });
  const leftOut = (reason: string) =>
    telemetry.value("tidegate_trace_late_left_out_total", { reason });
  expect(traces.admit("slow", 1_000)).toBe(10);
  expect(traces.admit("slow", 1)).toBe(0);
  expect(traces.admit("failed", 4)).toBe(4);
  expect(traces.admit("failed", 10)).toBe(6);
  expect([leftOut("slow"), leftOut("failed")]).toEqual([991, 4]);
  now += 500;
  expect(traces.admit("slow", 9)).toBe(5);
  expect(traces.admit("failed", 3)).toBe(3);
});
