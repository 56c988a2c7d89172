import type { TidegateError } from "./errors.ts";
import type { Item } from "./item.ts";

interface Waiter {
  resolve(result: IteratorResult<Item>): void;
  reject(error: TidegateError): void;
}

/** What a reader has not taken yet, bounded by its owner, handed out one by one. */
export class ItemBuffer implements AsyncIterator<Item> {
  #items: { item: Item; size: number }[] = [];
  #first = 0;
  #size = 0;
  #waiters: Waiter[] = [];
  #ended: { error: TidegateError | undefined } | undefined;
  readonly #taken: (item: Item) => void;
  readonly #left: () => void;

  /**
   * @param taken called as an item is handed out
   * @param left called when the reader leaves the loop
   */
  constructor(taken: (item: Item) => void, left: () => void) {
    this.#taken = taken;
    this.#left = left;
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** Sum of the sizes of what waits. */
  get size(): number {
    return this.#size;
  }

  put(item: Item, size: number): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter) {
      this.#taken(item);
      waiter.resolve({ done: false, value: item });
      return;
    }
    this.#items.push({ item, size });
    this.#size += size;
  }

  /** What was put before the end is still handed out; then readers are done, or get the error. */
  end(error?: TidegateError): void {
    if (this.#ended) return;
    this.#ended = { error };
    for (const waiter of this.#waiters) {
      if (error === undefined) waiter.resolve({ done: true, value: undefined });
      else waiter.reject(error);
    }
    this.#waiters = [];
  }

  async next(): Promise<IteratorResult<Item>> {
    const entry = this.#items[this.#first];
    if (entry) {
      this.#drop(entry.size);
      this.#taken(entry.item);
      return { done: false, value: entry.item };
    }
    if (this.#ended) {
      const { error } = this.#ended;
      this.#ended = { error: undefined };
      if (error !== undefined) throw error;
      return { done: true, value: undefined };
    }
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Item>> {
    this.#items = [];
    this.#first = 0;
    this.#size = 0;
    this.#left();
    return Promise.resolve({ done: true, value: undefined });
  }

  #drop(size: number): void {
    this.#size -= size;
    this.#first++;
    // Shifting every time would move the whole array for each item.
    if (this.#first >= 64 && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}
