import type { EventItem } from "./item.ts";

const EVENTS_MAX = 512;
const CHARS_MAX = 1024 * 1024;

/**
 * Live events that come while a reader still asks for older ones: the seam between both. When it is
 * full it starts over with the newest, and the reader asks on.
 */
export class Ahead {
  #entries: { item: EventItem; size: number }[] = [];
  #chars = 0;

  put(item: EventItem, size: number): void {
    if (this.#entries.length >= EVENTS_MAX || this.#chars + size > CHARS_MAX) this.clear();
    this.#entries.push({ item, size });
    this.#chars += size;
  }

  clear(): void {
    this.#entries = [];
    this.#chars = 0;
  }

  /** Everything behind `seq`, when it begins right there or before; else undefined. */
  takeAfter(seq: number): readonly { item: EventItem; size: number }[] | undefined {
    const first = this.#entries[0];
    if (!first || first.item.seq > seq + 1) return undefined;
    const rest = this.#entries.filter(({ item }) => item.seq > seq);
    this.clear();
    return rest;
  }
}
