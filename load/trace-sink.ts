/**
 * Takes spans and forgets them: a collector that costs as little as one can.
 *
 *     bun load/trace-sink.ts        prints its address; for OTEL_EXPORTER_OTLP_ENDPOINT
 */
let requests = 0;
let bytes = 0;

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    if (request.method === "GET") return Response.json({ requests, bytes });
    bytes += (await request.arrayBuffer()).byteLength;
    requests++;
    // An `ExportTraceServiceResponse` that rejects nothing has no bytes.
    return new Response(null, { headers: { "Content-Type": "application/x-protobuf" } });
  },
});

process.stdout.write(`${server.url.origin}\n`);
