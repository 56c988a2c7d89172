import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { telemetryConformance } from "./telemetry.ts";

telemetryConformance("memory", () => {
  const telemetry = createMemoryTelemetry();
  return {
    telemetry,
    value: (name, labels) => Promise.resolve(telemetry.value(name, labels)),
    distribution: (name, labels) => Promise.resolve(telemetry.distribution(name, labels)),
    close: () => {},
  };
});
