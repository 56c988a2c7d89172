import { kafkaAppError } from "../../kafka/error.ts";
import type { BrokerDisk, ClusterState, LogCluster } from "../../ports/log-cluster.ts";
import type { Brokers } from "./brokers.ts";
import { metadataCall } from "./metadata.ts";
import { codeName } from "./protocol.ts";

/** Brokers and copies as the metadata has them. kafkajs knows no DescribeLogDirs that tells of room. */
export class KafkajsClusterState implements LogCluster {
  readonly #brokers: Brokers;
  readonly #withinMs: number;

  constructor(brokers: Brokers, withinMs: number) {
    this.#brokers = brokers;
    this.#withinMs = withinMs;
  }

  async state(topics: readonly string[]): Promise<ClusterState> {
    try {
      const found = await this.#brokers.ask("admin", -1, metadataCall(topics), this.#withinMs);
      const there = found.topics.filter(({ code }) =>
        ["", "LEADER_NOT_AVAILABLE"].includes(codeName(code)),
      );
      return {
        brokers: found.nodes.map(({ id }) => id),
        partitions: there.flatMap(({ name, leaders, replicas, inSync }) =>
          leaders.map((leader, partition) => ({
            topic: name,
            partition,
            leader,
            replicas: replicas[partition] ?? [],
            inSync: inSync[partition] ?? [],
          })),
        ),
      };
    } catch (error) {
      throw kafkaAppError(error);
    }
  }

  disks(): Promise<readonly BrokerDisk[]> {
    return Promise.resolve([]);
  }
}
