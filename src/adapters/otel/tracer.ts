import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { Limits } from "../../limits.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { SpanRecord, Tracer } from "../../ports/tracer.ts";
import { readableSpan } from "./readable-span.ts";

export interface OtelTracerOptions {
  /** Where spans are posted as OTLP/HTTP JSON: the whole URL, with `/v1/traces`. */
  readonly url: string;
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** `service.name` of the spans. */
  readonly serviceName: string;
  /** `service.instance.id`: the name of this process. */
  readonly instance: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly limits: Limits;
}

const SCOPE = { name: "tidegate" };
/** What the exporter's result says when all went well. */
const SUCCESS = 0;

/**
 * Sends spans to an OpenTelemetry collector: gathered for a moment, one request at a time, without
 * any of the library's global state. Its batch processor is not used, since it drops without a
 * count that we could tell.
 */
export function createOtelTracer(options: OtelTracerOptions): Tracer {
  const { url, headers, serviceName, instance, clock, telemetry, limits } = options;
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: limits.traceExportTimeoutMs,
    concurrencyLimit: 1,
  });
  const resource = resourceFromAttributes({
    "service.name": serviceName,
    "service.instance.id": instance,
  });
  const exported = telemetry.counter({
    name: "tidegate_trace_spans_exported_total",
    help: "Spans that the trace collector took",
  });
  const dropped = (reason: string) =>
    telemetry.counter({
      name: "tidegate_trace_spans_dropped_total",
      help: "Spans that nobody will see, by reason",
      labels: { reason },
    });
  const droppedFull = dropped("full");
  const droppedFailed = dropped("failed");
  const queue: SpanRecord[] = [];
  let timer: Timer | undefined;
  let sending: Promise<void> | undefined;
  let failing = false;
  let closed = false;
  telemetry.gauge(
    { name: "tidegate_trace_spans_waiting", help: "Spans that wait for the trace collector" },
    () => queue.length,
  );

  const send = async (): Promise<void> => {
    const batch = queue.splice(0, limits.traceBatchSpansMax);
    const spans = batch.map((span) => readableSpan(span, resource, SCOPE));
    const error = await new Promise<Error | undefined>((resolve) =>
      exporter.export(spans, (result) =>
        resolve(result.code === SUCCESS ? undefined : (result.error ?? new Error("not said why"))),
      ),
    );
    if (error === undefined) exported.value += spans.length;
    else droppedFailed.value += spans.length;
    if (failing === (error !== undefined)) return;
    failing = error !== undefined;
    if (error === undefined) telemetry.log("info", "the trace collector takes spans again", {});
    else
      telemetry.log("warn", "the trace collector does not take spans", {
        url,
        error: error.message,
      });
  };

  const wake = (): void => {
    if (sending !== undefined || queue.length === 0) return;
    if (queue.length < limits.traceBatchSpansMax && !closed) {
      timer ??= clock.after(limits.traceLingerMs, () => start());
      return;
    }
    start();
  };
  const start = (): void => {
    timer?.cancel();
    timer = undefined;
    if (sending !== undefined || queue.length === 0) return;
    sending = send().then(() => {
      sending = undefined;
      wake();
    });
  };

  const drain = async (): Promise<void> => {
    start();
    while (sending !== undefined) await sending;
    await exporter.shutdown();
  };

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closed = true;
    const late = Promise.withResolvers<void>();
    const deadline = clock.after(limits.traceCloseMs, late.resolve);
    await Promise.race([drain(), late.promise]);
    deadline.cancel();
    droppedFailed.value += queue.length;
    queue.length = 0;
  };

  return {
    record(span) {
      if (closed || queue.length >= limits.traceSpansMax) {
        droppedFull.value++;
        return;
      }
      queue.push(span);
      wake();
    },
    newSpanId,
    close: () => (closing ??= close()),
  };
}

const ID_BYTES = 8;
const NO_ID = "00".repeat(ID_BYTES);
/** Of many ids at once: asking the system for each would be most of what an id costs. */
const chance = new Uint8Array(512 * ID_BYTES);
let used = chance.length;

function newSpanId(): string {
  if (used === chance.length) {
    crypto.getRandomValues(chance);
    used = 0;
  }
  const id = chance.subarray(used, (used += ID_BYTES)).toHex();
  return id === NO_ID ? newSpanId() : id;
}
