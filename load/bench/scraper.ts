import { Scrape } from "../metrics.ts";

/** Reads the metrics of programs: at once, and again and again until it is stopped. */
export class Scraper {
  readonly #urls: readonly string[];
  readonly #faults: Promise<unknown>[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(urls: readonly string[], everyMs: number) {
    this.#urls = urls;
    this.#timer = setInterval(() => this.#read(), everyMs);
    this.#read();
  }

  /** @returns how often it read them @throws when one could not be read */
  async stop(): Promise<number> {
    clearInterval(this.#timer);
    const faults = await Promise.all(this.#faults);
    const fault = faults.find((one) => one !== undefined);
    if (fault !== undefined) throw new Error("metrics could not be read", { cause: fault });
    return faults.length;
  }

  #read(): void {
    const all = Promise.all(this.#urls.map((url) => Scrape.of(url)));
    // Kept rather than thrown: nobody waits for it until the stop.
    this.#faults.push(
      all.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
  }
}
