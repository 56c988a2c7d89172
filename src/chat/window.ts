/** What the window keeps of an accepted record. */
export interface Accepted {
  readonly offset: number;
  readonly fingerprint: string;
}

/**
 * Accepted ids by offset: those of the last W offsets, and older ones that are not stored yet. An
 * id that is both older than W and stored can be found in the store and is dropped.
 */
export class Window {
  readonly #offsets: number;
  readonly #accepted = new Map<string, Accepted>();

  /** @param offsets W, fixed for a topic for ever: the verdict depends on it */
  constructor(offsets: number) {
    this.#offsets = offsets;
  }

  get size(): number {
    return this.#accepted.size;
  }

  /** The accepted record with this id, however far back memory reaches. */
  find(id: string): Accepted | undefined {
    return this.#accepted.get(id);
  }

  /** Whether a first try at `offset` has to look at a record accepted at `earlier`. */
  covers(earlier: number, offset: number): boolean {
    return offset - earlier <= this.#offsets;
  }

  /** Offsets MUST rise from call to call: the insertion order is the order of dropping. */
  accept(id: string, offset: number, fingerprint: string): void {
    // An id that a first try reused beyond W moves to its new place.
    this.#accepted.delete(id);
    this.#accepted.set(id, { offset, fingerprint });
  }

  /** Drops what records from `offset` on need not see and what the store has (below `storedNext`). */
  forget(offset: number, storedNext: number): void {
    const keepFrom = Math.min(offset - this.#offsets, storedNext);
    for (const [id, accepted] of this.#accepted) {
      if (accepted.offset >= keepFrom) return;
      this.#accepted.delete(id);
    }
  }
}
