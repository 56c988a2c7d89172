import type { SpanKind } from "../../../src/ports/tracer.ts";
import { until } from "../gateway/until.ts";
import { readOtlp, type OtlpAttribute, type OtlpRequest } from "./otlp.ts";

/** A span as a collector got it. */
export interface CollectedSpan {
  readonly service: string;
  /** Name of the process that made it. */
  readonly instance: string;
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Ms since 1970. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly error: string | undefined;
}

/** OTLP counts from 1 (`SPAN_KIND_INTERNAL`). */
const KINDS: readonly SpanKind[] = ["internal", "server", "client", "producer", "consumer"];
const STATUS_ERROR = 2;

/** Takes OTLP over HTTP as protobuf, the way a collector does, and keeps what it got. */
export class TraceCollector implements Disposable {
  readonly spans: CollectedSpan[] = [];
  /** Headers of the last request. */
  headers: Headers | undefined;
  /** Answers with this instead of taking anything. */
  status = 200;
  requests = 0;
  readonly #server: Bun.Server<undefined>;

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        this.requests++;
        this.headers = request.headers;
        const body = await request.bytes();
        if (new URL(request.url).pathname !== "/v1/traces")
          return new Response(null, { status: 404 });
        if (request.headers.get("content-type") !== "application/x-protobuf")
          return new Response(null, { status: 415 });
        if (this.status !== 200) return new Response(null, { status: this.status });
        this.spans.push(...spansOf(readOtlp(body)));
        // An `ExportTraceServiceResponse` that rejects nothing has no bytes.
        return new Response(null, { headers: { "Content-Type": "application/x-protobuf" } });
      },
    });
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The spans that fit, as soon as there are this many of them. */
  async first(
    count: number,
    what: string,
    fits: (span: CollectedSpan) => boolean,
  ): Promise<readonly CollectedSpan[]> {
    await until(what, () => this.spans.filter(fits).length >= count);
    return this.spans.filter(fits);
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
  }
}

function* spansOf({ resourceSpans }: OtlpRequest): Generator<CollectedSpan> {
  for (const { resource, scopeSpans } of resourceSpans) {
    const about = attributesOf(resource.attributes);
    for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
      yield {
        service: String(about["service.name"]),
        instance: String(about["service.instance.id"]),
        name: span.name,
        kind: KINDS[span.kind - 1] as SpanKind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        startedAt: Number(span.startTimeUnixNano) / 1e6,
        endedAt: Number(span.endTimeUnixNano) / 1e6,
        attributes: attributesOf(span.attributes),
        links: span.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
        error: span.status.code === STATUS_ERROR ? span.status.message : undefined,
      };
    }
  }
}

function attributesOf(list: readonly OtlpAttribute[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    list.map(({ key, value: { intValue, ...other } }) => [
      key,
      intValue === undefined
        ? (Object.values(other)[0] as string | number | boolean)
        : Number(intValue),
    ]),
  );
}
