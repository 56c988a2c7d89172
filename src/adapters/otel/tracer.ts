import type { Limits } from "../../limits.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { Tracer } from "../../ports/tracer.ts";
import { SpanBatch, spanOrigin } from "./span-batch.ts";
import { SpanExporter } from "./span-exporter.ts";

export interface OtelTracerOptions {
  /** Where spans are posted as OTLP over HTTP, in protobuf: the whole URL, with `/v1/traces`. */
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

/**
 * Sends spans to an OpenTelemetry collector: gathered for a moment, one request at a time, without
 * any of the library's global state. Its batch processor is not used, since it drops without a
 * count that we could tell.
 */
export function createOtelTracer(options: OtelTracerOptions): Tracer {
  const { url, headers, serviceName, instance, clock, telemetry, limits } = options;
  const timeoutMs = limits.traceExportTimeoutMs;
  const exporter = new SpanExporter({ url, headers, timeoutMs, clock });
  const about = { "service.name": serviceName, "service.instance.id": instance };
  const origin = spanOrigin(about, "tidegate");
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
  /** Of batches that are full, oldest first; behind them comes the open one. */
  const full: SpanBatch[] = [];
  let open: SpanBatch | undefined;
  let waiting = 0;
  /** Of a batch that the collector has. */
  let spare: Buffer | undefined;
  let timer: Timer | undefined;
  let sending: Promise<void> | undefined;
  let failing = false;
  let closed = false;
  telemetry.gauge(
    { name: "tidegate_trace_spans_waiting", help: "Spans that wait for the trace collector" },
    () => waiting,
  );

  const send = async (batch: SpanBatch): Promise<void> => {
    const { count } = batch;
    const error = await exporter.send(batch.end());
    if (error === undefined) {
      exported.value += count;
      // Only then: of a request that was given up, parts may still be on their way.
      spare = batch.bytes;
    } else droppedFailed.value += count;
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
    if (sending !== undefined || waiting === 0) return;
    if (full.length === 0 && !closed) timer ??= clock.after(limits.traceLingerMs, () => next());
    else next();
  };
  const next = (): void => {
    timer?.cancel();
    timer = undefined;
    if (sending !== undefined) return;
    let batch = full.shift();
    if (batch === undefined) {
      batch = open;
      open = undefined;
    }
    if (batch === undefined) return;
    waiting -= batch.count;
    sending = send(batch).then(() => {
      sending = undefined;
      wake();
    });
  };

  const drain = async (): Promise<void> => {
    next();
    while (sending !== undefined) await sending;
  };

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closed = true;
    const late = Promise.withResolvers<void>();
    const deadline = clock.after(limits.traceCloseMs, late.resolve);
    await Promise.race([drain(), late.promise]);
    deadline.cancel();
    droppedFailed.value += waiting;
    waiting = 0;
    full.length = 0;
    open = undefined;
  };

  return {
    record(span) {
      if (closed || waiting >= limits.traceSpansMax) {
        droppedFull.value++;
        return;
      }
      if (open === undefined) {
        open = new SpanBatch(origin, spare);
        spare = undefined;
      }
      open.add(span);
      waiting++;
      if (open.count >= limits.traceBatchSpansMax) {
        full.push(open);
        open = undefined;
      }
      wake();
    },
    newSpanId,
    close: () => (closing ??= close()),
  };
}

const ID_DIGITS = 16;
const NO_ID = "0".repeat(ID_DIGITS);
/** Of many ids at once: asking the system for each would be most of what an id costs. */
const chance = new Uint8Array(4 * 1024);
let ids = "";
let used = 0;

function newSpanId(): string {
  if (used === ids.length) {
    ids = crypto.getRandomValues(chance).toHex();
    used = 0;
  }
  const id = ids.slice(used, (used += ID_DIGITS));
  return id === NO_ID ? newSpanId() : id;
}
