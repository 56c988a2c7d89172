import { known, type ConfigFault } from "./config-read.ts";
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

type Read = ValuesOf<typeof TRACE_SETTINGS>;

/** A protocol that is not spoken harms nobody while nothing is traced. */
export function traceFaults(read: Read): ConfigFault[] {
  const name =
    read.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL === undefined
      ? "OTEL_EXPORTER_OTLP_PROTOCOL"
      : "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
  const protocol = read[name];
  if (protocol === undefined || protocol === "http/protobuf" || urlOf(read) === undefined)
    return [];
  return [{ name, fault: `is ${protocol}, which is not spoken; allowed: http/protobuf` }];
}

/** @returns undefined when nothing is traced */
export function traceConfig(read: Read): TraceConfig | undefined {
  const url = urlOf(read);
  if (url === undefined) return undefined;
  const sampler = known(read.OTEL_TRACES_SAMPLER);
  const share = known(read.OTEL_TRACES_SAMPLER_ARG);
  const ratio = sampler.endsWith("ratio") ? share : sampler.endsWith("on") ? 1 : 0;
  return {
    url,
    headers: merged(
      read.OTEL_EXPORTER_OTLP_HEADERS ?? {},
      read.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? {},
    ),
    serviceName: known(read.OTEL_SERVICE_NAME),
    ratio,
    followsClients: sampler.startsWith("parentbased"),
    slowMs: known(read.TIDEGATE_TRACE_SLOW_MS),
  };
}

type Headers = TraceConfig["headers"];

/** The second one's come before those of the first; upper and lower case are the same name. */
function merged(all: Headers, own: Headers): Headers {
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const others = Object.entries(all).filter(([name]) => !names.has(name.toLowerCase()));
  return { ...Object.fromEntries(others), ...own };
}

/** Where traces go; undefined when there are none. */
function urlOf(read: Read): string | undefined {
  if (read.OTEL_SDK_DISABLED === true) return undefined;
  return read.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? tracesUrl(read.OTEL_EXPORTER_OTLP_ENDPOINT);
}

function tracesUrl(endpoint: string | undefined): string | undefined {
  return endpoint && `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}
