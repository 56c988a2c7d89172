import type { EventLog, PartitionRange, TopicInfo } from "../ports/event-log.ts";

/** What a group needs of the log that it reads: answers from memory, and pages from wherever. */
export interface GroupSource {
  /** Undefined when there is no such topic now. */
  topic(name: string): TopicInfo | undefined;
  /** Bounds of what is durable. Only asked for topics that are there. */
  bounds(topic: string, partition: number): PartitionRange;
  readonly read: EventLog["read"];
}

/** A partition whose member has not been handed all that the log has. */
export interface Lagging {
  /** The offset that it is handed next. */
  readonly next: number;
  /** Records up to the log's end; 0 when it is there, or when nobody reads. */
  readonly behind: number;
}

/** How far the members of one group are behind the log's end. */
export interface GroupLag {
  /** Of all partitions together. */
  readonly records: number;
  /** Rises with what those that are behind are handed. */
  readonly handed: number;
}

/** What all members of one process share. */
export interface GroupOptions {
  readonly source: GroupSource;
  readonly pageRecordsMax: number;
  /** Partitions of the group that may be behind: they enter by themselves, and leave when looked at. */
  readonly lagging?: Set<Lagging>;
}
