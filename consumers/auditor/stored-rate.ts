const SPAN_MS = 1_000;

/** How fast the store grows, seen from its offsets: whether there is time for other work. */
export class StoredRate {
  readonly #busyPerSecond: number;
  #sum = 0;
  #at: number | undefined;
  #perSecond = 0;

  constructor(busyPerSecond: number) {
    this.#busyPerSecond = busyPerSecond;
  }

  get isBusy(): boolean {
    return this.#perSecond > this.#busyPerSecond;
  }

  /** @param now monotonic ms */
  see(offsets: readonly { readonly nextOffset: number }[], now: number): void {
    const sum = offsets.reduce((total, one) => total + one.nextOffset, 0);
    const before = this.#at;
    if (before !== undefined && now - before < SPAN_MS) return;
    if (before !== undefined) this.#perSecond = ((sum - this.#sum) * 1_000) / (now - before);
    this.#sum = sum;
    this.#at = now;
  }
}
