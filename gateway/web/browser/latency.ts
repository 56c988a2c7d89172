const SAMPLES = 9;
const PENDING_MAX = 100;

/** Time from sending a message to seeing it come back, over the last few. */
export class Latency {
  readonly #sentAt = new Map<string, number>();
  #samples: number[] = [];

  sent(key: string): void {
    if (this.#sentAt.size >= PENDING_MAX) this.#sentAt.clear();
    this.#sentAt.set(key, performance.now());
  }

  /** The message is back. */
  seen(key: string): void {
    const at = this.#sentAt.get(key);
    if (at === undefined) return;
    this.#sentAt.delete(key);
    this.#samples = [...this.#samples, performance.now() - at].slice(-SAMPLES);
  }

  /** What is under way now says nothing about the network: the connection was lost. */
  interrupted(): void {
    this.#sentAt.clear();
  }

  /** Milliseconds, or undefined before the first message. */
  get medianMs(): number | undefined {
    const sorted = this.#samples.toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }
}
