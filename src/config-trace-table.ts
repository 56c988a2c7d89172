import { z } from "zod";
import { flag, oneOf, path, printable, secret, setting, text, wholeSetting } from "./setting.ts";
import type { SettingTable } from "./setting.ts";

const HTTP_URL = text("is not an http or https URL", /^https?:\/\/[^\s/]+/);

const ratio = z
  .string()
  .regex(/^(?:0(?:\.[0-9]{1,9})?|1(?:\.0{1,9})?)$/, { error: "is not a share of 1", abort: true })
  .transform(Number);

/** `name=value` with commas between, percent-encoded, as the standard has it for headers. */
const headerList = z.string().transform((list, context) => {
  const headers: Record<string, string> = {};
  for (const pair of list.split(",")) {
    const at = pair.indexOf("=");
    const name = pair.slice(0, at).trim();
    if (at < 1 || !/^[A-Za-z0-9-]+$/.test(name)) {
      context.addIssue({ code: "custom", message: "has a part that is not name=value" });
      continue;
    }
    try {
      headers[name] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      context.addIssue({
        code: "custom",
        message: `has a value of ${name} that cannot be decoded`,
      });
    }
  }
  return headers;
});

function headers(about: string) {
  return setting(
    "name=value with commas between, percent-encoded",
    undefined,
    about,
    headerList as z.ZodType<Readonly<Record<string, string>>, string>,
  );
}

/** Those of the standard: other programs of the same environment may want another one. */
const PROTOCOLS = ["http/protobuf", "http/json", "grpc"] as const;

/**
 * Traces. The names that begin with OTEL_ are OpenTelemetry's own; those of certificates and
 * compression are here to be checked and told: its exporter reads them itself.
 */
export const TRACE_SETTINGS = {
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(
    "http or https URL",
    undefined,
    "Where a collector takes OTLP over HTTP; /v1/traces is added. Nothing is traced when it and the next one are absent",
    HTTP_URL,
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: setting(
    "http or https URL",
    undefined,
    "The same for traces alone, the whole address; it comes before the other one",
    HTTP_URL,
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(
    PROTOCOLS,
    "http/protobuf",
    "How spans go to the collector: http/protobuf; the standard's others are refused where there is an endpoint",
  ),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: oneOf(
    PROTOCOLS,
    undefined,
    "The same for traces alone; it comes before the other one",
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    headers("HTTP headers that the collector wants, such as a key"),
  ),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: secret(
    headers("More of them for traces alone; of one name, these come before the other ones"),
  ),
  OTEL_EXPORTER_OTLP_COMPRESSION: oneOf(
    ["gzip", "none"],
    undefined,
    "Compression of what goes to the collector; not at all when absent. This one and the three of certificates have a form for traces alone, OTEL_EXPORTER_OTLP_TRACES_…, which comes before it",
  ),
  OTEL_EXPORTER_OTLP_CERTIFICATE: path(
    "Certificates (PEM) that the collector's certificate is checked with; the system's when absent",
  ),
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: path(
    "Certificate (PEM) that this program shows to the collector (mutual TLS)",
  ),
  OTEL_EXPORTER_OTLP_CLIENT_KEY: path("Private key (PEM) of OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
  OTEL_SDK_DISABLED: flag("false", "Whether nothing is traced although there is an endpoint"),
  OTEL_SERVICE_NAME: printable("service.name of the spans", "tidegate"),
  OTEL_TRACES_SAMPLER: oneOf(
    [
      "parentbased_traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "traceidratio",
      "always_on",
      "always_off",
    ],
    "parentbased_traceidratio",
    "Which messages are traced from their beginning. parentbased: those whose client sends a traceparent with its sampled flag as well, and never those whose flag is not set. Slow and failed ones are traced in any case",
  ),
  OTEL_TRACES_SAMPLER_ARG: setting(
    "number, 0 to 1",
    "0.01",
    "Share of messages that traceidratio samples",
    ratio as z.ZodType<number, string>,
  ),
  TIDEGATE_TRACE_SLOW_MS: wholeSetting(
    1,
    3_600_000,
    "1000",
    "A message that takes longer to get into the log, or is older when a worker or another gateway has it, is traced from there on whether it was sampled or not; in ms",
  ),
  TIDEGATE_TRACE_URL: setting(
    "http or https URL with {trace}",
    undefined,
    "Where people open a trace, for bun run tidegate explain: http://localhost:16686/trace/{trace}",
    text("is not an http or https URL with {trace}", /^https?:\/\/\S*\{trace\}\S*$/),
  ),
} as const satisfies SettingTable;
