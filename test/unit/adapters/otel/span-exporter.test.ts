import { afterEach, expect, test } from "bun:test";
import { SpanExporter } from "../../../../src/adapters/otel/span-exporter.ts";

/** No text in any encoding. */
const BODY = Uint8Array.of(0x0a, 0xff, 0, 0x80);
const TIMEOUT_MS = 5_000;

interface Heard {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** A collector that gives these answers in turn, and a clock whose time passes by waiting alone. */
function open(...answers: readonly Response[]) {
  const heard: Heard[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const answer = answers[heard.length] ?? new Response(null);
      const bytes = new Uint8Array(await request.arrayBuffer());
      const isZipped = request.headers.get("content-encoding") === "gzip";
      const body = isZipped ? Bun.gunzipSync(bytes) : bytes;
      heard.push({ body, headers: request.headers });
      return answer;
    },
  });
  const time = { now: 0 };
  const clock = {
    monotonic: () => time.now,
    after(ms: number, run: () => void) {
      time.now += ms;
      queueMicrotask(run);
      return { cancel: () => undefined };
    },
  };
  const exporter = new SpanExporter({
    url: `http://127.0.0.1:${server.port}/v1/traces`,
    headers: { "x-key": "secret" },
    timeoutMs: TIMEOUT_MS,
    clock,
  });
  return { heard, time, exporter, [Symbol.dispose]: () => void server.stop(true) };
}

afterEach(() => {
  delete process.env["OTEL_EXPORTER_OTLP_COMPRESSION"];
});

test("a body is posted as protobuf with the headers that were asked for", async () => {
  using under = open();
  expect(await under.exporter.send(BODY)).toBeUndefined();
  const [first] = under.heard;
  expect(first?.body).toEqual(BODY);
  expect(first?.headers.get("content-type")).toBe("application/x-protobuf");
  expect(first?.headers.get("user-agent")).toBe("tidegate");
  expect(first?.headers.get("x-key")).toBe("secret");
});

test("a body is compressed where the library's own setting says so", async () => {
  process.env["OTEL_EXPORTER_OTLP_COMPRESSION"] = "gzip";
  using under = open();
  expect(await under.exporter.send(BODY)).toBeUndefined();
  expect(under.heard[0]?.headers.get("content-encoding")).toBe("gzip");
  expect(under.heard[0]?.body).toEqual(BODY);
});

test.each([429, 502, 503, 504])(
  "an answer of %d is tried again, and taken then",
  async (status) => {
    using under = open(new Response(null, { status }), new Response(null, { status }));
    expect(await under.exporter.send(BODY)).toBeUndefined();
    expect(under.heard.map(({ body }) => body)).toEqual([BODY, BODY, BODY]);
  },
);

test.each([400, 401, 413, 500])("an answer of %d is final", async (status) => {
  using under = open(new Response("no", { status }));
  const error = await under.exporter.send(BODY);
  expect(error?.message).toContain(String(status));
  expect(under.heard).toHaveLength(1);
});

test("a collector that asks for more time than there is gets no second try", async () => {
  const headers = { "Retry-After": String(TIMEOUT_MS / 1_000) };
  using under = open(new Response(null, { status: 503, headers }));
  const error = await under.exporter.send(BODY);
  expect(error?.message).toContain("503");
  expect(under.heard).toHaveLength(1);
});

test("a collector that is not there is tried until the time is over", async () => {
  using under = open();
  under[Symbol.dispose]();
  const error = await under.exporter.send(BODY);
  expect(error).toBeInstanceOf(Error);
  expect(under.time.now).toBeGreaterThan(TIMEOUT_MS / 3);
  expect(under.time.now).toBeLessThan(TIMEOUT_MS);
});
