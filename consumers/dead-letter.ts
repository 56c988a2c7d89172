import type { EventLog } from "../src/ports/event-log.ts";
import { deadLetterTopic } from "../src/topics.ts";
import type { LogRecord } from "../src/wire/record.ts";

/** The story of a record that could not be processed. */
export interface DeadLetter {
  readonly reason: string;
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly pool: string;
  readonly attempts: number;
  readonly tenant: string;
  readonly record: LogRecord;
}

/** Appends to a pool's dead-letter topic, which is made on first need. */
export class DeadLetters {
  readonly #log: EventLog;
  readonly #pool: string;
  #topic: Promise<unknown> | undefined;

  constructor(log: EventLog, pool: string) {
    this.#log = log;
    this.#pool = pool;
  }

  /** Resolves when all of them are in the topic; rejects with the log's error. */
  async keep(letters: readonly Omit<DeadLetter, "pool">[]): Promise<void> {
    const spec = deadLetterTopic(this.#pool);
    this.#topic ??= this.#log.createTopic(spec).catch((error: unknown) => {
      this.#topic = undefined;
      throw error;
    });
    await this.#topic;
    const records = letters.map((letter): LogRecord => ({
      // A malformed key may hold anything; escaped, it is one line of printable text.
      key: `${letter.tenant}/${JSON.stringify(letter.record.key).slice(1, -1)}`,
      headers: {
        reason: letter.reason,
        tenant: letter.tenant,
        origin: `${letter.origin.topic}/${letter.origin.partition}/${letter.origin.offset}`,
      },
      value: JSON.stringify({ pool: this.#pool, ...letter }),
    }));
    await this.#log.append(spec.name, 0, records);
  }
}
