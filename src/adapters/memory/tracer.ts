import type { SpanRecord, Tracer } from "../../ports/tracer.ts";

/** Keeps spans for tests. */
export interface MemoryTracer extends Tracer {
  /** In the order in which they were recorded. */
  readonly spans: readonly SpanRecord[];
}

/** Newest spans beyond this many are dropped. */
const SPANS_MAX = 10_000;

export function createMemoryTracer(spansMax = SPANS_MAX): MemoryTracer {
  const spans: SpanRecord[] = [];
  let closed = false;
  let lastId = 0;
  return {
    spans,
    record(span) {
      if (!closed && spans.length < spansMax) spans.push(span);
    },
    newSpanId: () => (++lastId).toString(16).padStart(16, "0"),
    close() {
      closed = true;
      return Promise.resolve();
    },
  };
}
