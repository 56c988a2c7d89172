const EVERY_MS = 1_000;

/** Tells the operator now and then how far it is. */
export class Progress {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  readonly #startedAt: number;
  #shownAt: number;

  /** @param now monotonic ms */
  constructor(write: (line: string) => void, now: () => number) {
    this.#write = write;
    this.#now = now;
    this.#startedAt = now();
    this.#shownAt = this.#startedAt;
  }

  show(tenant: string, events: number): void {
    const now = this.#now();
    if (now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#write(`${tenant}: ${events} messages after ${this.#seconds(now)} s\n`);
  }

  done(tenant: string, events: number, conversations: number): void {
    const seconds = this.#seconds(this.#now());
    this.#write(
      `${tenant}: ${events} messages of ${conversations} conversations in ${seconds} s\n`,
    );
  }

  #seconds(now: number): string {
    return ((now - this.#startedAt) / 1_000).toFixed(1);
  }
}
