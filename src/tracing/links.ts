import type { SpanLink } from "../ports/tracer.ts";

/**
 * How the spans of one batch are linked: the first with the others, and these with the first, so that
 * a batch of many has not as many times as many links.
 *
 * @param contexts one for each span
 * @param max links of the first one
 * @returns undefined for a span that is alone
 */
export function batchLinks(
  contexts: readonly SpanLink[],
  index: number,
  max: number,
): readonly SpanLink[] | undefined {
  const [first] = contexts;
  if (first === undefined || contexts.length === 1) return undefined;
  return index === 0 ? contexts.slice(1, max + 1) : [first];
}
