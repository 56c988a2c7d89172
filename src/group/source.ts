import type { EventLog, PartitionRange, TopicInfo } from "../ports/event-log.ts";

/** What a group needs of the log that it reads: answers from memory, and pages from wherever. */
export interface GroupSource {
  /** Undefined when there is no such topic now. */
  topic(name: string): TopicInfo | undefined;
  /** Bounds of what is durable. Only asked for topics that are there. */
  bounds(topic: string, partition: number): PartitionRange;
  readonly read: EventLog["read"];
}

/** What all members of one process share. */
export interface GroupOptions {
  readonly source: GroupSource;
  readonly pageRecordsMax: number;
}
