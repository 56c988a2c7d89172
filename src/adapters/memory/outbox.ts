import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PartitionId } from "../../ports/message-store.ts";
import type {
  Outbox,
  OutboxEntry,
  OutboxMessage,
  OutboxRow,
  OutboxStats,
  ParkedRow,
  PendingPartition,
  Published,
  Staged,
} from "../../ports/outbox.ts";
import { MemoryOutboxData } from "./outbox-data.ts";

export interface MemoryOutboxOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "outboxRowsMax" | "outboxBytesMax">;
  /** Shared by the processes of a simulation; the outbox's own when it is left out. */
  readonly data?: MemoryOutboxData;
}

/** The reference outbox: one process's end of data that may be shared. */
export class MemoryOutbox implements Outbox {
  readonly data: MemoryOutboxData;
  readonly #clock: Clock;
  readonly #limits: MemoryOutboxOptions["limits"];
  readonly #held = new Set<string>();
  #closed = false;

  constructor({ clock, limits, data }: MemoryOutboxOptions) {
    this.#clock = clock;
    this.#limits = limits;
    this.data = data ?? new MemoryOutboxData();
  }

  async put(rows: readonly OutboxRow[]): Promise<void> {
    this.#assertOpen();
    const { outboxRowsMax, outboxBytesMax } = this.#limits;
    let chars = this.data.chars;
    for (const { record } of rows) chars += record.value.length;
    if (this.data.rows + rows.length > outboxRowsMax)
      throw new AppError("overloaded", "the outbox is full", { limit: outboxRowsMax });
    if (chars > outboxBytesMax)
      throw new AppError("overloaded", "the outbox is full", { limit: outboxBytesMax });
    for (const row of rows) this.data.add(row, row.record, this.#clock.now());
  }

  async pending(): Promise<readonly PendingPartition[]> {
    this.#assertOpen();
    return this.data.pending();
  }

  async publish(
    { topic, partition }: PartitionId,
    rowsMax: number,
    publish: (entries: readonly OutboxEntry[]) => Promise<Published>,
  ): Promise<number | undefined> {
    this.#assertOpen();
    const name = `${topic}/${partition}`;
    return this.#holding(name, async (isHeld) => {
      const kept = this.data.partitions.get(name);
      const rows = kept?.rows.slice(0, rowsMax) ?? [];
      if (kept === undefined || rows.length === 0) return 0;
      const { done, parked } = await publish(
        rows.map(({ number, record }) => ({ number, record })),
      );
      if (!isHeld()) throw new AppError("closed");
      const reasons = new Map(parked.map(({ number, reason }) => [number, reason]));
      for (const { number, record } of kept.rows.splice(0, done)) {
        kept.chars -= record.value.length;
        const reason = reasons.get(number);
        if (reason !== undefined) this.#park(`${name}/${number}`, reason, record);
      }
      kept.done += done;
      return done;
    });
  }

  async submit(messages: readonly OutboxMessage[]): Promise<void> {
    this.#assertOpen();
    const at = this.#clock.now();
    for (const message of messages)
      this.data.messages.push({ message, number: ++this.data.messageNumber, at });
  }

  async stage(
    messagesMax: number,
    build: (messages: readonly OutboxMessage[]) => Promise<readonly Staged[]>,
  ): Promise<number | undefined> {
    this.#assertOpen();
    return this.#holding("message", async (isHeld) => {
      const taken = this.data.messages.slice(0, messagesMax);
      if (taken.length === 0) return 0;
      const staged = await build(taken.map(({ message }) => message));
      if (!isHeld()) throw new AppError("closed");
      await this.put(staged.filter((one): one is OutboxRow => !("fault" in one)));
      this.data.messages = this.data.messages.slice(taken.length);
      for (const [i, one] of staged.entries()) {
        const { message, number } = taken[i] as (typeof taken)[number];
        if (!("fault" in one)) continue;
        const record = { key: message.key, headers: {}, value: JSON.stringify(message) };
        this.#park(`message/${number}`, one.fault, record);
      }
      return taken.length;
    });
  }

  async parked(rowsMax: number): Promise<readonly ParkedRow[]> {
    return this.data.parked.toReversed().slice(0, rowsMax);
  }

  async stats(): Promise<OutboxStats> {
    const { data } = this;
    const oldest = data.oldest();
    return {
      rows: data.rows,
      chars: data.chars,
      messages: data.messages.length,
      parked: data.parked.length,
      oldestMs: oldest === undefined ? 0 : Math.max(0, this.#clock.now() - oldest),
    };
  }

  async close(): Promise<void> {
    this.abandon();
  }

  /** The process is gone: what it had is free for others, and what it still does has no effect. */
  abandon(): void {
    this.#closed = true;
    for (const name of this.#held)
      if (this.data.holders.get(name) === this) this.data.holders.delete(name);
    this.#held.clear();
  }

  async #holding(
    name: string,
    work: (isHeld: () => boolean) => Promise<number>,
  ): Promise<number | undefined> {
    const { holders } = this.data;
    if (holders.has(name)) return undefined;
    holders.set(name, this);
    this.#held.add(name);
    try {
      return await work(() => !this.#closed && holders.get(name) === this);
    } finally {
      this.#held.delete(name);
      if (holders.get(name) === this) holders.delete(name);
    }
  }

  #park(origin: string, reason: string, record: ParkedRow["record"]): void {
    this.data.parked.push({ origin, reason, record, parkedAt: this.#clock.now() });
  }

  #assertOpen(): void {
    if (this.#closed) throw new AppError("closed");
  }
}

/** See {@link MemoryOutbox}. */
export function createMemoryOutbox(options: MemoryOutboxOptions): MemoryOutbox {
  return new MemoryOutbox(options);
}
