/**
 * A map of bounded size that forgets what was not asked for lately: between `entriesMax` and half
 * of it stay. Two generations instead of a linked list: an access writes only when it rescues an
 * entry from the older one.
 */
export class RecentMap<Key, Value> {
  readonly #generationMax: number;
  #young = new Map<Key, Value>();
  #old = new Map<Key, Value>();

  constructor(entriesMax: number) {
    this.#generationMax = Math.max(1, Math.floor(entriesMax / 2));
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: Key): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined) return value;
    const rescued = this.#old.get(key);
    if (rescued === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, rescued);
    return rescued;
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }
}
