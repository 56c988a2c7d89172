import type { PartitionId } from "./message-store.ts";

/** Where a partition's copies are, by the brokers' numbers. */
export interface PartitionReplicas extends PartitionId {
  /** −1 while there is none: the partition can be neither read nor written. */
  readonly leader: number;
  readonly replicas: readonly number[];
  /** Those that have all that is acknowledged. */
  readonly inSync: readonly number[];
}

export interface ClusterState {
  /** Brokers that are there. */
  readonly brokers: readonly number[];
  /** Of the topics that were asked for and are there. */
  readonly partitions: readonly PartitionReplicas[];
}

/** Room of the disk that is full first, of those that one broker's log is on. */
export interface BrokerDisk {
  readonly broker: number;
  readonly sizeBytes: number;
  readonly freeBytes: number;
}

/** What the brokers of a log say of themselves. For operators: nothing else may depend on it. */
export interface LogCluster {
  /** @throws log_unavailable */
  state(topics: readonly string[]): Promise<ClusterState>;
  /** Of those brokers that tell: a right may be missing, or the version. @throws log_unavailable */
  disks(): Promise<readonly BrokerDisk[]>;
}

/** The ends of many partitions, asked for together. */
export interface LogEnds {
  /** @returns in the order of the partitions; undefined for one whose end is not known now */
  ends(partitions: readonly PartitionId[]): Promise<readonly (number | undefined)[]>;
}
