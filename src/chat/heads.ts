/** A conversation's end as the sequencer keeps it. */
export interface Head {
  readonly tenant: string;
  readonly conversation: string;
  epoch: string;
  seq: number;
  /** Offset of its last event; −1 when it came from the store. */
  offset: number;
}

/**
 * Heads by record key, bounded, two generations instead of an exact LRU: a touch costs one map
 * operation. A head whose last event is not stored never leaves.
 */
export class Heads {
  readonly #half: number;
  #young = new Map<string, Head>();
  #old = new Map<string, Head>();

  constructor(max: number) {
    this.#half = Math.max(1, Math.floor(max / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  get(key: string): Head | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#young.set(key, old);
    return old;
  }

  set(key: string, head: Head): void {
    this.#old.delete(key);
    this.#young.set(key, head);
  }

  /** Drops the older generation's stored heads when the younger one is full. */
  forget(storedNext: number): void {
    if (this.#young.size < this.#half) return;
    const next = this.#young;
    for (const [key, head] of this.#old) {
      if (head.offset >= storedNext) next.set(key, head);
    }
    this.#old = next;
    this.#young = new Map();
  }
}
