import type { EventLog } from "../ports/event-log.ts";
import { REDRIVEN_TOPIC } from "../topics.ts";
import { parseObject } from "../wire/json-object.ts";

const PAGE_RECORDS = 1_000;

/**
 * Which letters were redriven, in a topic of its own: letters are records and stay as they are. Read
 * once, then on from where it ended.
 */
export class Marks {
  readonly #log: EventLog;
  readonly #marksMax: number;
  /** Letter → ms since 1970 of its last redrive; in the order of their redrives. */
  readonly #at = new Map<string, number>();
  #incarnation = "";
  #next = 0;

  /** @param marksMax kept in memory; of more, the oldest are forgotten */
  constructor(log: EventLog, marksMax: number) {
    this.#log = log;
    this.#marksMax = marksMax;
  }

  /** When a letter was redriven, as of the last {@link refresh}. */
  at(letter: string): number | undefined {
    return this.#at.get(letter);
  }

  /** Takes in what all processes have marked. @throws what the log throws */
  async refresh(): Promise<void> {
    const { name } = REDRIVEN_TOPIC;
    const topic = await this.#log.describeTopic(name);
    if (topic === undefined) return;
    if (topic.incarnation !== this.#incarnation) {
      this.#incarnation = topic.incarnation;
      this.#next = 0;
      this.#at.clear();
    }
    const { start, end } = await this.#log.range(name, 0);
    this.#next = Math.max(this.#next, start);
    while (this.#next < end) {
      const batch = await this.#log.read(name, 0, this.#next, PAGE_RECORDS);
      for (const record of batch.records) {
        const at = parseObject(record.value)?.["at"];
        if (typeof at === "number") this.#take(record.key, at);
      }
      if (batch.nextOffset <= this.#next) break;
      this.#next = batch.nextOffset;
    }
  }

  /** Marks a letter for all processes. @throws what the log throws */
  async add(letter: string, at: number, message: string): Promise<void> {
    await this.#log.createTopic(REDRIVEN_TOPIC);
    const record = { key: letter, headers: {}, value: JSON.stringify({ at, message }) };
    await this.#log.append(REDRIVEN_TOPIC.name, 0, [record]);
    this.#take(letter, at);
  }

  #take(letter: string, at: number): void {
    this.#at.delete(letter);
    this.#at.set(letter, at);
    if (this.#at.size <= this.#marksMax) return;
    const oldest = this.#at.keys().next().value;
    if (oldest !== undefined) this.#at.delete(oldest);
  }
}
