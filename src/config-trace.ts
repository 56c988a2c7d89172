import { known } from "./config-read.ts";
import type { TRACE_SETTINGS } from "./config-trace-table.ts";
import type { ValuesOf } from "./setting.ts";

/** Which messages are traced, and where their spans go. */
export interface TraceConfig {
  /** Of the collector, with the path for traces. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Share of messages that is sampled; 0 to 1. */
  readonly ratio: number;
  readonly followsClients: boolean;
  readonly slowMs: number;
}

/** @returns undefined when nothing is traced */
export function traceConfig(read: ValuesOf<typeof TRACE_SETTINGS>): TraceConfig | undefined {
  const url =
    read.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? tracesUrl(read.OTEL_EXPORTER_OTLP_ENDPOINT);
  if (url === undefined || known(read.OTEL_SDK_DISABLED)) return undefined;
  const sampler = known(read.OTEL_TRACES_SAMPLER);
  const share = known(read.OTEL_TRACES_SAMPLER_ARG);
  const ratio = sampler.endsWith("ratio") ? share : sampler.endsWith("on") ? 1 : 0;
  return {
    url,
    headers: read.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    serviceName: known(read.OTEL_SERVICE_NAME),
    ratio,
    followsClients: sampler.startsWith("parentbased"),
    slowMs: known(read.TIDEGATE_TRACE_SLOW_MS),
  };
}

function tracesUrl(endpoint: string | undefined): string | undefined {
  return endpoint && `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}
