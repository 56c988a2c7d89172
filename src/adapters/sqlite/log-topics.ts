import { AppError } from "../../errors.ts";
import type { TopicInfo } from "../../ports/event-log.ts";
import type { KeptTopic, OpenedLog } from "./log-messages.ts";
import { partitionKey } from "./log-segment.ts";

/** One partition as the main thread knows it; `end` moves only after a flush. */
export interface LogPartition {
  readonly topic: LogTopic;
  readonly partition: number;
  start: number;
  end: number;
}

export interface LogTopic {
  kept: KeptTopic;
  readonly info: TopicInfo;
  readonly partitions: readonly LogPartition[];
}

/** All topics by name and number. */
export class LogTopics {
  private readonly byName = new Map<string, LogTopic>();
  private readonly byId = new Map<number, LogTopic>();

  /** Takes over what the folder held. */
  load(opened: OpenedLog): void {
    for (const topic of opened.topics) this.add(topic);
    for (const { topic, partition, offset } of opened.starts) {
      const found = this.byId.get(topic)?.partitions[partition];
      if (found !== undefined) found.start = found.end = offset;
    }
    for (const { topic, partition, offset } of opened.ends) {
      const found = this.byId.get(topic)?.partitions[partition];
      if (found !== undefined) found.end = Math.max(found.end, offset);
    }
  }

  add(kept: KeptTopic): LogTopic {
    const { name, partitions } = kept.spec;
    const made: LogPartition[] = [];
    const topic: LogTopic = {
      kept,
      info: { name, incarnation: kept.incarnation, partitions },
      partitions: made,
    };
    for (let partition = 0; partition < partitions; partition++)
      made.push({ topic, partition, start: 0, end: 0 });
    this.byName.set(name, topic);
    this.byId.set(kept.id, topic);
    return topic;
  }

  remove(topic: LogTopic): void {
    this.byName.delete(topic.info.name);
    this.byId.delete(topic.kept.id);
  }

  get(name: string): LogTopic | undefined {
    return this.byName.get(name);
  }

  byNumber(id: number): LogTopic | undefined {
    return this.byId.get(id);
  }

  isCurrent(topic: LogTopic): boolean {
    return this.byId.get(topic.kept.id) === topic;
  }

  all(): readonly LogTopic[] {
    return [...this.byName.values()];
  }

  /** @throws topic_unknown */
  partition(topic: string, partition: number): LogPartition {
    const found = this.byName.get(topic)?.partitions[partition];
    if (found === undefined)
      throw new AppError("topic_unknown", `There is no partition ${topic}/${partition}`);
    return found;
  }
}

export function keyOf(partition: LogPartition): number {
  return partitionKey(partition.topic.kept.id, partition.partition);
}
