import type { MemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { AppError } from "../../src/errors.ts";
import type {
  ConsumeOptions,
  Consumer,
  ConsumerHandler,
  EventLog,
} from "../../src/ports/event-log.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { count } from "./stats.ts";

/** A process's membership in a group: what its heartbeats do, and what becomes of them. */
export class SimConsumer implements Consumer {
  readonly #log: MemoryEventLog;
  readonly #process: SimProcess;
  readonly #scheduler: Scheduler;
  readonly #options: ConsumeOptions;
  readonly #assigned = new Map<
    string,
    { topic: string; partition: number; calling: Promise<unknown> }
  >();
  #inner: Consumer | undefined;
  #topics: readonly string[];
  /** When the last heartbeat got through, while none does. */
  #cutAt: number | undefined;
  #expired = false;
  #joining = false;
  #closed = false;

  constructor(
    log: MemoryEventLog,
    process: SimProcess,
    scheduler: Scheduler,
    options: ConsumeOptions,
  ) {
    this.#log = log;
    this.#process = process;
    this.#scheduler = scheduler;
    this.#options = options;
    this.#topics = options.topics;
  }

  async join(): Promise<this> {
    const { group, member } = this.#options;
    const handler = this.#gated(this.#options.handler);
    this.#inner = await this.#log.consume({ group, member, topics: this.#topics, handler });
    return this;
  }

  get cut(): boolean {
    return this.#cutAt !== undefined;
  }

  /** No heartbeat gets through from now on; after the session timeout the member is no member. */
  cutOff(sessionTimeoutMs: number): void {
    if (this.#cutAt !== undefined || this.#closed) return;
    count("heartbeats cut");
    const at = this.#scheduler.now;
    this.#cutAt = at;
    this.#scheduler.after(sessionTimeoutMs, () => {
      if (this.#cutAt !== at || this.#closed || !this.#process.alive) return;
      this.#expired = true;
      count("member expired while it goes on");
      this.#log.expireMember(this.#options.group, this.#options.member, false);
    });
  }

  /** Heartbeats get through again: an expired member hears so, loses all, and joins anew. */
  async reconnect(): Promise<void> {
    if (this.#cutAt === undefined || this.#closed || this.#joining) return;
    if (this.#expired) {
      this.#joining = true;
      const lost = [...this.#assigned.values()];
      for (const { topic, partition, calling } of lost) {
        await calling;
        this.#process.run(() => this.#options.handler.lost(topic, partition));
      }
      this.#assigned.clear();
      if (this.#process.alive) await this.join();
      this.#joining = false;
      count("expired member joined again");
    }
    this.#expired = false;
    this.#cutAt = undefined;
  }

  setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = topics;
    return this.#inner?.setTopics(topics) ?? Promise.resolve();
  }

  pause(topic: string, partition: number): void {
    count("partition paused");
    this.#inner?.pause(topic, partition);
  }

  resume(topic: string, partition: number): void {
    this.#inner?.resume(topic, partition);
  }

  commit(topic: string, partition: number, nextOffset: number): Promise<void> {
    return this.#inner?.commit(topic, partition, nextOffset) ?? Promise.resolve();
  }

  restart(topic: string, partition: number): void {
    count("partition restarted");
    this.#inner?.restart(topic, partition);
  }

  lastHeartbeat(): number {
    return this.#cutAt ?? this.#scheduler.now;
  }

  owns(topic: string, partition: number): Promise<boolean> {
    return this.#process.io(this.#inner?.owns(topic, partition) ?? Promise.resolve(false));
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#process.io(this.#inner?.close() ?? Promise.resolve());
  }

  #gated(handler: ConsumerHandler): ConsumerHandler {
    const process = this.#process;
    const name = (topic: string, partition: number) => `${topic}/${partition}`;
    return {
      assigned: (topic, partition) => {
        count("partition assigned");
        const calling = process.call(() => handler.assigned(topic, partition));
        const settled = calling.then(
          () => undefined,
          () => undefined,
        );
        this.#assigned.set(name(topic.name, partition), {
          topic: topic.name,
          partition,
          calling: settled,
        });
        return calling;
      },
      records: (batch) => process.run(() => handler.records(batch)),
      revoked: async (topic, partition) => {
        count("partition revoked");
        await process.call(() => handler.revoked(topic, partition));
        this.#assigned.delete(name(topic, partition));
      },
      lost: (topic, partition) => {
        this.#assigned.delete(name(topic, partition));
        process.run(() => handler.lost(topic, partition));
      },
      failed: (topic, partition, error) =>
        process.run(() => handler.failed(topic, partition, error)),
    };
  }
}

export interface LogAccess {
  readonly log: EventLog;
  readonly consumers: readonly SimConsumer[];
}

/** The log as one process reaches it. */
export function logOf(
  log: MemoryEventLog,
  process: SimProcess,
  scheduler: Scheduler,
  random: SeededRandom,
  readErrors: () => number,
  append: EventLog["append"] = (...args) => process.io(log.append(...args)),
): LogAccess {
  const consumers: SimConsumer[] = [];
  const reading = <T>(read: () => Promise<T>): Promise<T> => {
    if (!random.chance(readErrors())) return process.io(read());
    count("log read error");
    return process.io(Promise.reject<T>(new AppError("log_unavailable")));
  };
  return {
    consumers,
    log: {
      durability: log.durability,
      createTopic: (spec) => process.io(log.createTopic(spec)),
      describeTopic: (name) => reading(() => log.describeTopic(name)),
      topics: () => reading(() => log.topics()),
      deleteTopic: (name) => process.io(log.deleteTopic(name)),
      append,
      range: (topic, partition) => reading(() => log.range(topic, partition)),
      read: (topic, partition, offset, recordsMax) =>
        reading(() => log.read(topic, partition, offset, recordsMax)),
      consume: async (options) => {
        const consumer = new SimConsumer(log, process, scheduler, options);
        consumers.push(consumer);
        // No delay: the handler may be called as soon as this has resolved.
        return consumer.join();
      },
      committed: (group, topic, partition) => reading(() => log.committed(group, topic, partition)),
      close: () => Promise.resolve(),
    },
  };
}
