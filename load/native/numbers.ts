/** A growing column of numbers; what was never set is 0. */
export class Numbers<T extends Uint8Array | Uint32Array | Float64Array> {
  readonly #make: (length: number) => T;
  #values: T;

  constructor(make: (length: number) => T, length = 1024) {
    this.#make = make;
    this.#values = make(length);
  }

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const grown = this.#make(Math.max(at + 1, this.#values.length * 2));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[at] = value;
  }
}

export const bytes = (): Numbers<Uint8Array> => new Numbers((length) => new Uint8Array(length));
export const integers = (): Numbers<Uint32Array> =>
  new Numbers((length) => new Uint32Array(length));
export const floats = (): Numbers<Float64Array> =>
  new Numbers((length) => new Float64Array(length));
