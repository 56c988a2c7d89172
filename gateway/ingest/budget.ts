/** What all bodies together may have waiting for the log. */
export class IngestBudget {
  readonly #max: number;
  #taken = 0;
  #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  get isSpent(): boolean {
    return this.#taken >= this.#max;
  }

  take(chars: number): void {
    this.#taken += chars;
  }

  give(chars: number): void {
    this.#taken -= chars;
    if (this.isSpent || this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Calls back once when it is no longer spent. */
  whenFree(wake: () => void): void {
    this.#waiting.push(wake);
  }
}
