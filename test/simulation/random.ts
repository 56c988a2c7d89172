import type { Random } from "../../src/ports/random.ts";

/** Chance that repeats itself: the generator sfc32, seeded by one integer. */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
    this.#c = 0x2545f491;
    for (let i = 0; i < 12; i++) this.#draw();
  }

  next(): number {
    return this.#draw() / 0x1_0000_0000;
  }

  /** An integer from 0 to `count` − 1. */
  int(count: number): number {
    return Math.floor(this.next() * count);
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.int(list.length)];
    if (picked === undefined) throw new RangeError("nothing to pick from");
    return picked;
  }

  uuidv7(): string {
    const hex = (): string => this.#draw().toString(16).padStart(8, "0");
    const [a, b, c, d] = [hex(), hex(), hex(), hex()];
    return `0190${a.slice(0, 4)}-${a.slice(4)}-7${b.slice(0, 3)}-a${b.slice(3, 6)}-${c}${d.slice(0, 4)}`;
  }

  #draw(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }
}
