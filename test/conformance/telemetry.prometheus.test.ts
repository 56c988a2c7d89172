import { createPrometheusTelemetry } from "../../src/adapters/prometheus/telemetry.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { limitsWith } from "../../src/limits.ts";
import { sampleOf } from "../support/exposition.ts";
import { telemetryConformance } from "./telemetry.ts";

telemetryConformance("prometheus", () => {
  const telemetry = createPrometheusTelemetry({
    clock: createSystemClock(),
    limits: limitsWith(),
    level: "info",
    write: () => {},
  });
  return {
    telemetry,
    value: async (name, labels) => sampleOf(await telemetry.scrape(), name, labels),
    async distribution(name, labels) {
      const text = await telemetry.scrape();
      const count = sampleOf(text, `${name}_count`, labels);
      const sum = sampleOf(text, `${name}_sum`, labels);
      return count === undefined || sum === undefined ? undefined : { count, sum };
    },
    close: () => telemetry.close(),
  };
});
