/** Work that goes on in a bounded number of places at once; the others wait, oldest first. */
export class Turns {
  readonly #atOnceMax: number;
  readonly #line: (() => void)[] = [];
  #taken = 0;

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** @throws what the work throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#atOnceMax) this.#taken++;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#line.shift();
      // Its place goes straight to the next one: nobody may come between.
      if (next === undefined) this.#taken--;
      else next();
    }
  }
}
