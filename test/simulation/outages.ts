import type { MemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { AppError } from "../../src/errors.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { SimProducer } from "./log-producer.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import { count } from "./stats.ts";

/** What does not get through between a process and the log. */
export type Cut = "requests" | "answers";

const NEVER = new Promise<never>(() => {});

/** From whom and for which partitions the log is away. */
export class Outages {
  /** `topic/partition`, or `"*"` for all. */
  readonly refused = new Set<string>();
  /** By the name of the process. */
  readonly cuts = new Map<string, Cut>();
  readonly #random: SeededRandom;
  readonly #outcomeMs: number;

  constructor(random: SeededRandom, outcomeMs: number) {
    this.#random = random;
    this.#outcomeMs = outcomeMs;
  }

  end(): void {
    this.refused.clear();
    this.cuts.clear();
  }

  /** Appends as one process does them. */
  appendOf(log: MemoryEventLog, process: SimProcess): EventLog["append"] {
    const raw: EventLog["append"] = (topic, partition, records) => {
      const cut = this.cuts.get(process.name);
      const away = (): Promise<never> =>
        process.io(Promise.reject<never>(new AppError("log_unavailable")));
      if (cut === "requests") {
        count("append lost on its way to the log");
        return this.#random.chance(0.5) ? NEVER : away();
      }
      if (this.refused.has("*") || this.refused.has(`${topic}/${partition}`)) {
        count("append refused while the log is away");
        return away();
      }
      const answer = log.append(topic, partition, records);
      if (cut !== "answers") return process.io(answer);
      count("answer of the log lost");
      answer.catch(() => {});
      return NEVER;
    };
    const producer = new SimProducer(process, raw, this.#outcomeMs);
    return (...args) => producer.append(...args);
  }
}
