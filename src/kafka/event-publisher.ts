import type { Limits } from "../limits.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Counter, Telemetry } from "../ports/telemetry.ts";
import type { LogRecord } from "../wire/record.ts";
import { recordSize } from "./record.ts";

export interface EventPublisherOptions {
  readonly append: EventLog["append"];
  readonly limits: Pick<Limits, "eventsPendingBytesMax">;
  readonly telemetry?: Telemetry | undefined;
}

/** Events of one partition that were published by the same piece of code. */
interface Gathered {
  readonly topic: string;
  readonly partition: number;
  readonly records: LogRecord[];
  bytes: number;
}

/**
 * Takes events that nobody waits for. They are bounded apart from appends that somebody does wait
 * for, so that telemetry in an outage cannot take their room; what does not fit is dropped.
 */
export class EventPublisher {
  readonly #options: EventPublisherOptions;
  readonly #dropped: Counter;
  readonly #lost: Counter;
  #open = new Map<string, Gathered>();
  #pendingBytes = 0;

  constructor(options: EventPublisherOptions) {
    this.#options = options;
    const counter = (reason: string): Counter =>
      options.telemetry?.counter({
        name: "tidegate_kafka_events_dropped_total",
        help: "Events without a waiter that did not reach the log",
        labels: { reason },
      }) ?? { value: 0 };
    this.#dropped = counter("full");
    this.#lost = counter("failed");
  }

  /** @returns whether the event was taken */
  publish(topic: string, partition: number, record: LogRecord): boolean {
    const bytes = recordSize(record);
    if (this.#pendingBytes + bytes > this.#options.limits.eventsPendingBytesMax) {
      this.#dropped.value++;
      return false;
    }
    this.#pendingBytes += bytes;
    if (this.#open.size === 0) queueMicrotask(() => this.#flush());
    const key = `${partition} ${topic}`;
    let gathered = this.#open.get(key);
    if (gathered === undefined) {
      gathered = { topic, partition, records: [], bytes: 0 };
      this.#open.set(key, gathered);
    }
    gathered.records.push(record);
    gathered.bytes += bytes;
    return true;
  }

  #flush(): void {
    const open = this.#open;
    this.#open = new Map();
    for (const { topic, partition, records, bytes } of open.values()) {
      const settled = (): void => {
        this.#pendingBytes -= bytes;
      };
      const failed = (): void => {
        this.#lost.value += records.length;
        settled();
      };
      void this.#options.append(topic, partition, records).then(settled, failed);
    }
  }
}
