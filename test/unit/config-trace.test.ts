import { expect, test } from "bun:test";
import { parseConfig, redacted } from "../../src/config.ts";

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" };
const traceOf = (env: Readonly<Record<string, string>>) =>
  parseConfig({ ...endpoint, ...env }).trace;

test("nothing is traced without a collector, and with the SDK disabled", () => {
  expect(parseConfig({}).trace).toBeUndefined();
  expect(traceOf({ OTEL_SDK_DISABLED: "true" })).toBeUndefined();
});

test("an endpoint alone samples one message in a hundred and follows clients", () => {
  expect(traceOf({})).toEqual({
    url: "http://collector:4318/v1/traces",
    headers: {},
    serviceName: "tidegate",
    ratio: 0.01,
    followsClients: true,
    slowMs: 1_000,
  });
});

test("the address for traces is taken as it is", () => {
  expect(traceOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://t.example/in" })?.url).toBe(
    "https://t.example/in",
  );
});

test.each([
  ["parentbased_traceidratio", 0.2, true],
  ["parentbased_always_on", 1, true],
  ["parentbased_always_off", 0, true],
  ["traceidratio", 0.2, false],
  ["always_on", 1, false],
  ["always_off", 0, false],
] as const)("the sampler %s samples %d", (sampler, ratio, followsClients) => {
  expect(traceOf({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: "0.2" })).toMatchObject({
    ratio,
    followsClients,
  });
});

test.each([
  { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
  { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
  {
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
  },
])("a protocol that is not spoken is refused by its name: %j", (env) => {
  const [name, protocol] = Object.entries(env).at(-1) as [string, string];
  expect(() => traceOf(env)).toThrow(`${name} is ${protocol}`);
  // It may be there for other programs.
  expect(parseConfig(env).trace).toBeUndefined();
  expect(traceOf({ ...env, OTEL_SDK_DISABLED: "true" })).toBeUndefined();
});

test("the protocol for traces comes before the other one", () => {
  const env = {
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf",
  };
  expect(traceOf(env)).toBeDefined();
});

test("headers are decoded, and the start log shows their names alone", () => {
  const config = parseConfig({
    ...endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20b, Authorization=Bearer%20c",
  });
  expect(config.trace?.headers).toEqual({ "x-key": "a b", Authorization: "Bearer c" });
  expect(JSON.stringify(redacted(config))).not.toContain("Bearer");
});

test("headers for traces come before those for everything, in whatever case their names are", () => {
  const config = traceOf({
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=all,x-team=chat",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "X-Key=traces,x-more=1",
  });
  expect(config?.headers).toEqual({ "X-Key": "traces", "x-team": "chat", "x-more": "1" });
});

test.each([
  ["OTEL_TRACES_SAMPLER_ARG", "1.5"],
  ["OTEL_TRACES_SAMPLER_ARG", "-0.1"],
  ["OTEL_TRACES_SAMPLER_ARG", "one"],
  ["OTEL_TRACES_SAMPLER", "jaeger_remote"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "no-value"],
  ["OTEL_EXPORTER_OTLP_HEADERS", "x-key=%zz"],
  ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "no-value"],
  ["TIDEGATE_TRACE_SLOW_MS", "0"],
  ["TIDEGATE_TRACE_URL", "http://localhost:16686"],
])("%s=%s is refused by its name", (name, value) => {
  expect(() => parseConfig({ [name]: value })).toThrow(name);
});
