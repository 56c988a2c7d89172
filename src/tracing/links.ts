import type { SpanLink } from "../ports/tracer.ts";

/** Links of a span, in the form in which it has them. */
export interface Linked {
  readonly links?: readonly SpanLink[];
}

/**
 * How the spans of one batch are linked: the first with the others, and these with the first, so that
 * a batch of many has not as many times as many links.
 *
 * @param contexts one for each span
 * @param max links of the first one
 */
export function batchLinks(contexts: readonly SpanLink[], index: number, max: number): Linked {
  const [first] = contexts;
  if (first === undefined || contexts.length === 1) return {};
  return { links: index === 0 ? contexts.slice(1, max + 1) : [first] };
}

/** What is linked of a context. */
export function linkTo({ traceId, spanId }: SpanLink): SpanLink {
  return { traceId, spanId };
}
