import { type Connection, describeLogDirsV4, listOffsetsV7 } from "@platformatic/kafka";
import { kafkaAppError } from "../../kafka/error.ts";
import type {
  BrokerDisk,
  ClusterState,
  LogCluster,
  LogEnds,
  PartitionReplicas,
} from "../../ports/log-cluster.ts";
import type { PartitionId } from "../../ports/message-store.ts";
import { answer } from "./answer.ts";
import type { KafkaClient } from "./client.ts";
import { fullestFolder } from "./fullest-folder.ts";

const LATEST = -1n;
const READ_COMMITTED = 1;

/** One look at brokers, partitions and their ends: one try each, since the next look comes soon. */
export class KafkaClusterState implements LogCluster, LogEnds {
  readonly #client: KafkaClient;

  constructor(client: KafkaClient) {
    this.#client = client;
  }

  async state(topics: readonly string[]): Promise<ClusterState> {
    const { metadata } = this.#client;
    try {
      await metadata.refresh(topics);
    } catch (error) {
      throw kafkaAppError(error);
    }
    const partitions: PartitionReplicas[] = [];
    for (const name of topics) {
      const topic = metadata.topic(name);
      if (topic === undefined) continue;
      topic.leaders.forEach((leader, partition) => {
        const replicas = topic.replicas[partition] ?? [];
        const inSync = topic.inSync[partition] ?? [];
        partitions.push({ topic: name, partition, leader, replicas, inSync });
      });
    }
    return { brokers: [...metadata.brokers.keys()], partitions };
  }

  /** KIP-827: sizes come with version 4 of DescribeLogDirs, which needs DESCRIBE on the cluster. */
  async disks(): Promise<readonly BrokerDisk[]> {
    const disks: BrokerDisk[] = [];
    for (const broker of this.#client.metadata.brokers.keys()) {
      const found = await this.#diskOf(broker).catch(() => undefined);
      if (found !== undefined) disks.push(found);
    }
    return disks;
  }

  async ends(partitions: readonly PartitionId[]): Promise<readonly (number | undefined)[]> {
    const { metadata } = this.#client;
    const unknown = partitions.filter(
      ({ topic, partition }) => metadata.leader(topic, partition) < 0,
    );
    if (unknown.length > 0)
      await metadata.refresh(new Set(unknown.map(({ topic }) => topic))).catch(() => undefined);
    const byLeader = Map.groupBy(partitions.keys(), (i) => {
      const { topic, partition } = partitions[i] as PartitionId;
      return metadata.leader(topic, partition);
    });
    byLeader.delete(-1);
    const ends = Array.from<number | undefined>({ length: partitions.length });
    await Promise.all(
      [...byLeader].map(async ([leader, indexes]) => {
        const asked = indexes.map((i) => partitions[i] as PartitionId);
        const found = await this.#endsAt(leader, asked).catch(() => undefined);
        indexes.forEach((i) => {
          const { topic, partition } = partitions[i] as PartitionId;
          const end = found?.get(`${topic}/${partition}`);
          // It has moved, or the broker is gone: the next look asks who leads now.
          if (end === undefined) metadata.forget(topic);
          else ends[i] = end;
        });
      }),
    );
    return ends;
  }

  async #endsAt(leader: number, asked: readonly PartitionId[]): Promise<Map<string, number>> {
    const topics = [...Map.groupBy(asked, ({ topic }) => topic)].map(([name, found]) => ({
      name,
      partitions: found.map(({ partition }) => ({
        partitionIndex: partition,
        currentLeaderEpoch: -1,
        timestamp: LATEST,
      })),
    }));
    const ends = new Map<string, number>();
    const connection = await this.#client.connection(leader, "control");
    const reply = await this.#soon(
      connection,
      listOffsetsV7.api.async(connection, -1, READ_COMMITTED, topics),
    );
    for (const { name, partitions } of reply.topics)
      for (const { partitionIndex, errorCode, offset } of partitions)
        if (errorCode === 0) ends.set(`${name}/${partitionIndex}`, Number(offset));
    return ends;
  }

  async #diskOf(broker: number): Promise<BrokerDisk | undefined> {
    const connection = await this.#client.connection(broker, "control");
    // Of no topic: sizes of partitions would be long to count and are not needed.
    const { results } = await this.#soon(connection, describeLogDirsV4.api.async(connection, []));
    const fullest = fullestFolder(results);
    return fullest && { broker, ...fullest };
  }

  /** A broker that hangs must not keep appends from finding out where their partitions went. */
  async #soon<T>(connection: Connection, asked: Promise<T>): Promise<T> {
    const { clock, limits } = this.#client;
    const timer = clock.after(limits.appendOutcomeMs, () => this.#client.cut(connection));
    try {
      return await answer(asked);
    } finally {
      timer.cancel();
    }
  }
}
