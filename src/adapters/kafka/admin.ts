import {
  createTopicsV7,
  deleteRecordsV2,
  deleteTopicsV6,
  findCoordinatorV4,
  listOffsetsV7,
  offsetFetchV8,
  ProtocolError,
} from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import { kafkaFault } from "../../kafka/error.ts";
import { topicConfigs } from "../../kafka/topic-config.ts";
import { incarnationOf } from "../../kafka/topic-id.ts";
import type { PartitionRange, TopicInfo } from "../../ports/event-log.ts";
import type { TopicSpec } from "../../topics.ts";
import { answer } from "./answer.ts";
import type { KafkaClient } from "./client.ts";
import { atLeader, retried } from "./leader-call.ts";
import type { KafkaTopic } from "./metadata.ts";

const EARLIEST = -2n;
const LATEST = -1n;
const READ_COMMITTED = 1;
const GROUP = 0;

/** Topics, offsets and groups as the brokers know them. */
export class KafkaAdmin {
  readonly #client: KafkaClient;

  constructor(client: KafkaClient) {
    this.#client = client;
  }

  /** As `EventLog.createTopic`; resolves when the topic has its leaders. */
  async createTopic(spec: TopicSpec): Promise<TopicInfo> {
    const { limits } = this.#client;
    let topic = await retried(this.#client, limits.appendOutcomeMs, () => this.#find(spec.name));
    if (topic === undefined) {
      await this.#create(spec);
      topic = await retried(this.#client, limits.topicReadyMs, async () => {
        const made = await this.#find(spec.name);
        if (made === undefined) throw new ProtocolError("UNKNOWN_TOPIC_OR_PARTITION");
        if (made.leaders.some((leader) => leader < 0))
          throw new ProtocolError("LEADER_NOT_AVAILABLE");
        return made;
      });
    }
    const info = infoOf(topic);
    if (info.partitions !== spec.partitions)
      throw new AppError(
        "topic_mismatch",
        `${spec.name} has ${info.partitions} partitions, not ${spec.partitions}`,
      );
    return info;
  }

  async describeTopic(name: string): Promise<TopicInfo | undefined> {
    const { limits } = this.#client;
    const topic = await retried(this.#client, limits.appendOutcomeMs, () => this.#find(name));
    return topic === undefined ? undefined : infoOf(topic);
  }

  async topics(): Promise<readonly TopicInfo[]> {
    const { limits, metadata } = this.#client;
    return (await retried(this.#client, limits.appendOutcomeMs, () => metadata.all())).map(infoOf);
  }

  /** Resolves when the brokers have forgotten the topic. */
  async deleteTopic(name: string): Promise<void> {
    const { settings, limits, metadata } = this.#client;
    await retried(this.#client, limits.topicReadyMs, async () => {
      const connection = await this.#client.anyConnection();
      const { responses } = await answer(
        deleteTopicsV6.api.async(connection, [{ name }], settings.requestTimeoutMs),
      );
      const code = responses[0]?.errorCode ?? 0;
      const error = code === 0 ? undefined : new ProtocolError(code, responses[0]?.errorMessage);
      if (error !== undefined && kafkaFault(error).name !== "topic_unknown") throw error;
    });
    metadata.forget(name);
    await retried(this.#client, limits.topicReadyMs, async () => {
      // Still there for this broker: "no leader" is what makes the call be tried again.
      if ((await this.#find(name)) !== undefined) throw new ProtocolError("LEADER_NOT_AVAILABLE");
    });
  }

  async range(topic: string, partition: number): Promise<PartitionRange> {
    const [start, end] = await Promise.all([
      this.#offset(topic, partition, EARLIEST),
      this.#offset(topic, partition, LATEST),
    ]);
    return { start, end };
  }

  /** Deletes all records before `offset`. @returns the partition's new start */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<number> {
    const { requestTimeoutMs } = this.#client.settings;
    return atLeader(this.#client, topic, partition, async (connection) => {
      const partitions = [{ partitionIndex: partition, offset: BigInt(offset) }];
      const { topics } = await answer(
        deleteRecordsV2.api.async(connection, [{ name: topic, partitions }], requestTimeoutMs),
      );
      const found = topics[0]?.partitions[0];
      if (found === undefined || found.errorCode !== 0)
        throw new ProtocolError(found?.errorCode ?? -1);
      return Number(found.lowWatermark);
    });
  }

  /** As `EventLog.committed`. */
  async committed(group: string, topic: string, partition: number): Promise<number | undefined> {
    return retried(this.#client, this.#client.limits.topicReadyMs, async () => {
      const control = await this.#client.anyConnection();
      const { coordinators } = await answer(findCoordinatorV4.api.async(control, GROUP, [group]));
      const at = coordinators[0];
      if (at === undefined || at.errorCode !== 0) throw new ProtocolError(at?.errorCode ?? 15);
      const connection = await this.#client.connect({ host: at.host, port: at.port }, "control");
      const asked = {
        groupId: group,
        memberEpoch: -1,
        topics: [{ name: topic, partitionIndexes: [partition] }],
      };
      const { groups } = await answer(offsetFetchV8.api.async(connection, [asked], true));
      const found = groups[0];
      const offset = found?.topics[0]?.partitions[0];
      const code = found?.errorCode || offset?.errorCode;
      if (code !== undefined && code !== 0) throw new ProtocolError(code);
      const committed = Number(offset?.committedOffset ?? -1n);
      return committed < 0 ? undefined : committed;
    });
  }

  /** Records behind the group's committed offset; from the log's start when it has none. */
  async lag(group: string, topic: string, partition: number): Promise<number> {
    const [committed, { start, end }] = await Promise.all([
      this.committed(group, topic, partition),
      this.range(topic, partition),
    ]);
    return end - Math.max(start, committed ?? start);
  }

  async #offset(topic: string, partition: number, timestamp: bigint): Promise<number> {
    return atLeader(this.#client, topic, partition, async (connection) => {
      const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }];
      const asked = listOffsetsV7.api.async(connection, -1, READ_COMMITTED, [
        { name: topic, partitions },
      ]);
      const found = (await answer(asked)).topics[0]?.partitions[0];
      if (found === undefined || found.errorCode !== 0)
        throw new ProtocolError(found?.errorCode ?? -1);
      return Number(found.offset);
    });
  }

  async #create(spec: TopicSpec): Promise<void> {
    const { settings, limits } = this.#client;
    const topic = {
      name: spec.name,
      numPartitions: spec.partitions,
      replicationFactor: settings.replication,
      assignments: [],
      configs: topicConfigs(spec, settings, limits),
    };
    await retried(this.#client, limits.topicReadyMs, async () => {
      const connection = await this.#client.anyConnection();
      const { topics } = await answer(
        createTopicsV7.api.async(connection, [topic], settings.requestTimeoutMs, false),
      );
      const made = topics[0];
      if (made === undefined || made.errorCode === 0) return;
      const error = new ProtocolError(made.errorCode, made.errorMessage);
      if ((error as unknown as { apiId: string }).apiId !== "TOPIC_ALREADY_EXISTS") throw error;
    });
  }

  async #find(name: string): Promise<KafkaTopic | undefined> {
    const { metadata } = this.#client;
    await metadata.refresh([name]);
    const topic = metadata.topic(name);
    const fault = metadata.fault(name);
    // A user without rights hears that there is no topic only where there is none.
    if (topic === undefined && fault !== "UNKNOWN_TOPIC_OR_PARTITION")
      throw new ProtocolError(fault);
    return topic;
  }
}

function infoOf({ name, id, leaders }: KafkaTopic): TopicInfo {
  return { name, incarnation: incarnationOf(id), partitions: leaders.length };
}
