import type { Config } from "../src/config.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import type { Tracing } from "../src/ports/tracer.ts";

/**
 * The tracing that the settings ask for; undefined when there is none. Its libraries are loaded then
 * alone: they take 20 MB.
 */
export async function openTracing(
  { trace, limits }: Config,
  instance: string,
  { clock, telemetry }: { readonly clock: Clock; readonly telemetry: Telemetry },
): Promise<Tracing | undefined> {
  if (trace === undefined) return undefined;
  const { createOtelTracer } = await import("../src/adapters/otel/tracer.ts");
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
