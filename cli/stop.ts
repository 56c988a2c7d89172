/** A part of a program, and how it is ended. */
export type StopStep = readonly [part: string, end: () => unknown];

/**
 * The end of a program, part after part. One that cannot end properly keeps no other from it, and which
 * one is being ended can be told at any time.
 */
export class Stop {
  readonly #steps: () => readonly StopStep[];
  #at: string | undefined;
  #running: Promise<void> | undefined;

  /** @param steps asked for when it begins, since what has to be ended may come up late */
  constructor(steps: () => readonly StopStep[]) {
    this.#steps = steps;
  }

  /** The part that is being ended; undefined before and afterwards. */
  get at(): string | undefined {
    return this.#at;
  }

  /** The same for every call. @throws when all was tried, with what each part said that could not end */
  run(): Promise<void> {
    return (this.#running ??= this.#run());
  }

  async #run(): Promise<void> {
    const faults: string[] = [];
    for (const [part, end] of this.#steps()) {
      this.#at = part;
      try {
        await end();
      } catch (error) {
        faults.push(`${part}: ${String(error)}`);
      }
    }
    this.#at = undefined;
    if (faults.length > 0) throw new Error(faults.join("; "));
  }
}
