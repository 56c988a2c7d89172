import { AppError, asAppError } from "../../src/errors.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import type { SimProcess } from "./process.ts";

type Append = EventLog["append"];

interface Waiting {
  readonly records: readonly LogRecord[];
  readonly resolve: (base: number) => void;
  readonly reject: (error: AppError) => void;
}

interface Queue {
  busy: boolean;
  readonly waiting: Waiting[];
}

/**
 * What the log's adapters promise of a cluster: a partition has one append on its way, each has an
 * outcome in time, and when one fails, what waits behind it fails too and is certainly not written.
 */
export class SimProducer {
  readonly #process: SimProcess;
  readonly #append: Append;
  readonly #outcomeMs: number;
  readonly #queues = new Map<string, Queue>();

  constructor(process: SimProcess, append: Append, outcomeMs: number) {
    this.#process = process;
    this.#append = append;
    this.#outcomeMs = outcomeMs;
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    const name = `${topic}/${partition}`;
    let queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, (queue = { busy: false, waiting: [] }));
    const own = queue;
    return new Promise((resolve, reject) => {
      own.waiting.push({ records, resolve, reject });
      if (!own.busy) this.#next(own, topic, partition);
    });
  }

  #next(queue: Queue, topic: string, partition: number): void {
    const head = queue.waiting.shift();
    if (head === undefined) return;
    queue.busy = true;
    let isOver = false;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      queue.busy = false;
      settle();
      this.#next(queue, topic, partition);
    };
    const failed = (error: unknown): void =>
      end(() => {
        head.reject(asAppError(error));
        if (!asAppError(error).retriable) return;
        for (const behind of queue.waiting.splice(0))
          behind.reject(new AppError("log_unavailable"));
      });
    const timer = this.#process.clock.after(this.#outcomeMs, () =>
      failed(new AppError("unknown_outcome")),
    );
    this.#append(topic, partition, head.records).then(
      (base) => end(() => head.resolve(base)),
      failed,
    );
  }
}
