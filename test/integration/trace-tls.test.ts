import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SpanExporter } from "../../src/adapters/otel/span-exporter.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { issue, makeAuthority, pem } from "../support/services/certificates.ts";

const BODY = Uint8Array.of(0x0a, 0);
const SETTINGS = {
  OTEL_EXPORTER_OTLP_CERTIFICATE: "ca",
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "gateway",
  OTEL_EXPORTER_OTLP_CLIENT_KEY: "gateway-key",
};

afterEach(() => {
  for (const name of Object.keys(SETTINGS)) delete process.env[name];
});

test("spans go over TLS with the certificates that OpenTelemetry's settings name", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidegate-trace-tls-"));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }));
  await makeAuthority(folder);
  await issue(folder, "collector");
  await issue(folder, "gateway");
  const read = (name: string) => readFileSync(pem(folder, name), "utf8");
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: {
      ca: read("ca"),
      cert: read("collector"),
      key: read("collector-key"),
      requestCert: true,
      rejectUnauthorized: true,
    },
    fetch: async (request) => new Response(await request.text()),
  });
  cleanup.defer(() => server.stop(true));
  const send = () =>
    new SpanExporter({
      url: `https://127.0.0.1:${server.port}/v1/traces`,
      headers: {},
      timeoutMs: 500,
      clock: createSystemClock(),
    }).send(BODY);

  // Neither side knows the other one.
  expect(await send()).toBeInstanceOf(Error);
  process.env["OTEL_EXPORTER_OTLP_CERTIFICATE"] = pem(folder, "ca");
  expect(await send()).toBeInstanceOf(Error);
  for (const [name, file] of Object.entries(SETTINGS)) process.env[name] = pem(folder, file);
  expect(await send()).toBeUndefined();
});
