import { encodeLetter, type DeadLetter } from "../src/dead-letters/letter.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import { deadLetterTopic, type DEAD_LETTER_POOLS } from "../src/topics.ts";

/** Appends to a pool's dead-letter topic, which is made on first need at the latest. */
export class DeadLetters {
  readonly #log: EventLog;
  readonly #pool: string;
  readonly #clock: Pick<Clock, "now">;
  #topic: Promise<unknown> | undefined;

  constructor(log: EventLog, pool: (typeof DEAD_LETTER_POOLS)[number], clock: Pick<Clock, "now">) {
    this.#log = log;
    this.#pool = pool;
    this.#clock = clock;
  }

  /**
   * Makes the topic ahead of need: when its first letter comes, a broker may be away, and a topic
   * with a copy on each cannot be made then. @throws what the log says; the first letter tries again
   */
  async prepare(): Promise<void> {
    this.#topic ??= this.#log.createTopic(deadLetterTopic(this.#pool)).catch((error: unknown) => {
      this.#topic = undefined;
      throw error;
    });
    await this.#topic;
  }

  /** Resolves when all of them are in the topic; rejects with the log's error. */
  async keep(letters: readonly Omit<DeadLetter, "pool" | "keptAt">[]): Promise<void> {
    const spec = deadLetterTopic(this.#pool);
    await this.prepare();
    const keptAt = this.#clock.now();
    const records = letters.map((letter) => encodeLetter({ pool: this.#pool, keptAt, ...letter }));
    await this.#log.append(spec.name, 0, records);
  }
}
