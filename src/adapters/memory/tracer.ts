import type { SpanRecord, Tracer } from "../../ports/tracer.ts";

/** Keeps spans for tests. */
export interface MemoryTracer extends Tracer {
  /** In the order in which they were recorded, with all of their attributes together. */
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
      if (closed || spans.length >= spansMax) return;
      const { shared, ...rest } = span;
      spans.push({ ...rest, attributes: { ...shared, ...span.attributes } });
    },
    newSpanId: () => (++lastId).toString(16).padStart(16, "0"),
    close() {
      closed = true;
      return Promise.resolve();
    },
  };
}
