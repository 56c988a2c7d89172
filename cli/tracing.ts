import { createOtelTracer } from "../src/adapters/otel/tracer.ts";
import type { Config } from "../src/config.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import type { Tracing } from "../src/ports/tracer.ts";

/** The tracing that the settings ask for; undefined when there is none. */
export function openTracing(
  { trace, limits }: Config,
  instance: string,
  { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
): Tracing | undefined {
  if (trace === undefined) return undefined;
  const { url, headers, serviceName, ratio, followsClients, slowMs } = trace;
  const tracer = createOtelTracer({
    url,
    headers,
    serviceName,
    instance,
    clock,
    telemetry,
    limits,
  });
  return { tracer, ratio, followsClients, slowMs };
}
