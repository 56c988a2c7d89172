/** What a {@link Bag} may hold. It lies in one bag at a time, which alone writes this. */
export interface Bagged {
  /** Where it lies; −1 in none. */
  bagAt: number;
}

/**
 * Things that come and go all the time, in no order. A `Set` makes a new table for every few of them, and
 * refers from each table to the next: one that the collector of garbage has found in use keeps all tables
 * after it, with what they held, until a full collection (`docs/adr/0020-collector.md`). So does `clear`, of
 * maps too. Here nothing refers to what was taken out.
 */
export class Bag<T extends Bagged> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** All of them, until the next `add` or `delete`. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** It MUST be in no bag. */
  add(item: T): void {
    item.bagAt = this.#items.length;
    this.#items.push(item);
  }

  /** @returns false when it was not here */
  delete(item: T): boolean {
    const items = this.#items;
    const at = item.bagAt;
    if (items[at] !== item) return false;
    const last = items.pop() as T;
    if (last !== item) {
      items[at] = last;
      last.bagAt = at;
    }
    item.bagAt = -1;
    return true;
  }
}
