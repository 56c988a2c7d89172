import type { PartitionId } from "../../ports/message-store.ts";
import type {
  OutboxEntry,
  OutboxMessage,
  ParkedRow,
  PendingPartition,
} from "../../ports/outbox.ts";
import type { LogRecord } from "../../wire/record.ts";

/** A row with the time of its put. */
export interface KeptRow extends OutboxEntry {
  readonly at: number;
}

interface KeptPartition extends PartitionId {
  lastNumber: number;
  done: number;
  chars: number;
  rows: KeptRow[];
}

/** What outlives the processes that use a memory outbox. */
export class MemoryOutboxData {
  readonly partitions = new Map<string, KeptPartition>();
  messages: { readonly message: OutboxMessage; readonly number: number; readonly at: number }[] =
    [];
  messageNumber = 0;
  readonly parked: ParkedRow[] = [];
  /** Whoever has a partition, or the messages, at the moment. */
  readonly holders = new Map<string, object>();

  get rows(): number {
    let rows = 0;
    for (const partition of this.partitions.values()) rows += partition.rows.length;
    return rows;
  }

  get chars(): number {
    let chars = 0;
    for (const partition of this.partitions.values()) chars += partition.chars;
    return chars;
  }

  add({ topic, partition }: PartitionId, record: LogRecord, at: number): void {
    const name = `${topic}/${partition}`;
    let kept = this.partitions.get(name);
    if (kept === undefined) {
      kept = { topic, partition, lastNumber: 0, done: 0, chars: 0, rows: [] };
      this.partitions.set(name, kept);
    }
    kept.rows.push({ number: ++kept.lastNumber, record, at });
    kept.chars += record.value.length;
  }

  pending(): readonly PendingPartition[] {
    return [...this.partitions.values()]
      .filter(({ rows }) => rows.length > 0)
      .map(({ topic, partition, rows, chars, done }) => ({
        topic,
        partition,
        rows: rows.length,
        chars,
        done,
      }));
  }

  /** Ms since 1970 of the oldest put or submit that waits. */
  oldest(): number | undefined {
    let oldest = this.messages[0]?.at;
    for (const { rows } of this.partitions.values()) {
      const at = rows[0]?.at;
      if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at;
    }
    return oldest;
  }
}
