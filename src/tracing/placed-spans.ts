import type { SpanAttributes } from "../ports/tracer.ts";
import { destinationTemplate } from "./attributes.ts";

/** What all spans of one operation in one partition have in common. */
export interface PlacedSpan {
  readonly name: string;
  readonly shared: SpanAttributes;
}

/** More than a process has partitions to do with at a time; beyond it all are made anew. */
const PLACES_MAX = 4_096;

/** Makes it once for each partition: a span has a handful of attributes of its own, and as many of these. */
export class PlacedSpans {
  readonly #operation: string;
  readonly #attributesOf: (topic: string, partition: number) => SpanAttributes;
  readonly #known = new Map<string, PlacedSpan>();

  /** @param operation first word of the spans' name */
  constructor(
    operation: string,
    attributesOf: (topic: string, partition: number) => SpanAttributes,
  ) {
    this.#operation = operation;
    this.#attributesOf = attributesOf;
  }

  of(topic: string, partition: number): PlacedSpan {
    const key = `${topic}/${partition}`;
    let placed = this.#known.get(key);
    if (placed === undefined) {
      if (this.#known.size === PLACES_MAX) this.#known.clear();
      placed = {
        name: `${this.#operation} ${destinationTemplate(topic)}`,
        shared: this.#attributesOf(topic, partition),
      };
      this.#known.set(key, placed);
    }
    return placed;
  }
}
