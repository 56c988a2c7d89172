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
  /** By topic and partition: a key of both would be a text to make and to hash for each span. */
  readonly #topics = new Map<string, Map<number, PlacedSpan>>();
  #count = 0;

  /** @param operation first word of the spans' name */
  constructor(
    operation: string,
    attributesOf: (topic: string, partition: number) => SpanAttributes,
  ) {
    this.#operation = operation;
    this.#attributesOf = attributesOf;
  }

  of(topic: string, partition: number): PlacedSpan {
    const known = this.#topics.get(topic)?.get(partition);
    return known ?? this.#add(topic, partition);
  }

  #add(topic: string, partition: number): PlacedSpan {
    if (this.#count === PLACES_MAX) {
      this.#topics.clear();
      this.#count = 0;
    }
    this.#count++;
    const placed: PlacedSpan = {
      name: `${this.#operation} ${destinationTemplate(topic)}`,
      shared: this.#attributesOf(topic, partition),
    };
    const partitions = this.#topics.get(topic) ?? new Map<number, PlacedSpan>();
    this.#topics.set(topic, partitions.set(partition, placed));
    return placed;
  }
}
