import type { ConsumerHandler, RecordBatch, TopicInfo } from "../../src/ports/event-log.ts";
import type { LogRecord } from "../../src/wire/record.ts";

/** A consumer's handler that writes down what it is told, and lets tests wait for it. */
export class CollectingHandler implements ConsumerHandler {
  /** `assigned t/0`, `revoked t/0` … in order; records are in `records`. */
  readonly calls: string[] = [];
  readonly failures: { topic: string; partition: number; error: Error }[] = [];
  /** By `topic/partition`. */
  readonly seen = new Map<string, { offset: number; record: LogRecord }[]>();
  readonly owned = new Set<string>();
  startAt: (topic: TopicInfo, partition: number) => Promise<number> = () => Promise.resolve(0);
  onRecords: (batch: RecordBatch) => void = () => {};
  onRevoked: () => Promise<void> = () => Promise.resolve();
  private waiters: { holds: () => boolean; resolve: () => void }[] = [];

  async assigned(topic: TopicInfo, partition: number): Promise<number> {
    this.calls.push(`assigned ${topic.name}/${partition}`);
    const start = await this.startAt(topic, partition);
    this.owned.add(`${topic.name}/${partition}`);
    this.wake();
    return start;
  }

  records(batch: RecordBatch): void {
    const place = `${batch.topic}/${batch.partition}`;
    if (!this.owned.has(place)) this.calls.push(`stray records ${place}`);
    if (batch.records.length !== batch.offsets.length) this.calls.push(`uneven batch ${place}`);
    let list = this.seen.get(place);
    if (list === undefined) this.seen.set(place, (list = []));
    for (const [i, record] of batch.records.entries())
      list.push({ offset: batch.offsets[i] ?? -1, record });
    this.onRecords(batch);
    this.wake();
  }

  async revoked(topic: string, partition: number): Promise<void> {
    this.calls.push(`revoked ${topic}/${partition}`);
    this.wake();
    await this.onRevoked();
    this.owned.delete(`${topic}/${partition}`);
    this.wake();
  }

  lost(topic: string, partition: number): void {
    this.calls.push(`lost ${topic}/${partition}`);
    this.owned.delete(`${topic}/${partition}`);
    this.wake();
  }

  failed(topic: string, partition: number, error: Error): void {
    this.failures.push({ topic, partition, error });
    this.wake();
  }

  values(topic: string, partition: number): readonly string[] {
    return (this.seen.get(`${topic}/${partition}`) ?? []).map((entry) => entry.record.value);
  }

  offsets(topic: string, partition: number): readonly number[] {
    return (this.seen.get(`${topic}/${partition}`) ?? []).map((entry) => entry.offset);
  }

  /** Records of all partitions. */
  get count(): number {
    let count = 0;
    for (const list of this.seen.values()) count += list.length;
    return count;
  }

  /** Resolves as soon as the condition holds; it is looked at after every call. */
  async when(holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => this.waiters.push({ holds, resolve }));
  }

  private wake(): void {
    for (const waiter of this.waiters) if (waiter.holds()) waiter.resolve();
    this.waiters = this.waiters.filter((waiter) => !waiter.holds());
  }
}
