import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { KafkaSettings } from "../../kafka/settings.ts";
import { topicConfigs } from "../../kafka/topic-config.ts";
import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TopicInfo } from "../../ports/event-log.ts";
import type { TopicSpec } from "../../topics.ts";
import type { Brokers } from "./brokers.ts";
import type { Directory, KnownTopic } from "./directory.ts";
import { atLeader, pause } from "./leader-calls.ts";
import { assertOk, codeName, ProtocolError } from "./protocol.ts";

export interface AdminOptions {
  readonly brokers: Brokers;
  readonly directory: Directory;
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "topicMessageBytesMax" | "topicReadyMs">;
}

interface CreateTopicsAnswer {
  readonly topicErrors: readonly { readonly errorCode: number; readonly errorMessage?: string }[];
}

interface DeleteTopicsAnswer {
  readonly topicErrors: readonly { readonly errorCode: number }[];
}

interface DeleteRecordsAnswer {
  readonly topics: readonly {
    readonly partitions: readonly { readonly errorCode: number; readonly lowWatermark: bigint }[];
  }[];
}

const POLL_MS = 50;

/** Makes, describes and deletes topics. */
export class Admin {
  readonly #options: AdminOptions;

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  /** As `EventLog.createTopic`; settings of a topic that is there are left as its operator set them. */
  async createTopic(spec: TopicSpec): Promise<TopicInfo> {
    const { directory } = this.#options;
    let known = await directory.find(spec.name);
    if (known === undefined) {
      await this.#create(spec);
      known = await this.#until(spec.name, (topic) => topic !== undefined && hasLeaders(topic));
    }
    if (known === undefined)
      throw new AppError("log_unavailable", `${spec.name} was made but is not there yet`);
    if (known.info.partitions !== spec.partitions)
      throw new AppError(
        "topic_mismatch",
        `${spec.name} has ${known.info.partitions} partitions, not ${spec.partitions}`,
      );
    return known.info;
  }

  async describeTopic(name: string): Promise<TopicInfo | undefined> {
    return (await this.#options.directory.find(name))?.info;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    return (await this.#options.directory.all()).map((topic) => topic.info);
  }

  async deleteTopic(name: string): Promise<void> {
    const { brokers, settings } = this.#options;
    const call = {
      api: "DeleteTopics",
      options: { topics: [name], timeout: settings.requestTimeoutMs },
    };
    let answer: DeleteTopicsAnswer;
    try {
      answer = await brokers.ask("admin", -1, call);
    } catch (error) {
      throw kafkaAppError(error);
    }
    const code = answer.topicErrors[0]?.errorCode ?? 0;
    if (code !== 0 && codeName(code) !== "UNKNOWN_TOPIC_OR_PARTITION")
      throw kafkaAppError(new ProtocolError(code, name));
    await this.#until(name, (topic) => topic === undefined);
  }

  /** Deletes all records of a partition before `offset`. @returns the partition's new start */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<number> {
    const { brokers, settings, clock, directory } = this.#options;
    const within = { clock, directory, withinMs: settings.requestTimeoutMs };
    return atLeader(within, topic, partition, async (node) => {
      const topics = [{ topic, partitions: [{ partition, offset }] }];
      const options = { topics, timeout: settings.requestTimeoutMs };
      const answer = await brokers.ask<DeleteRecordsAnswer>("admin", node, {
        api: "DeleteRecords",
        options,
      });
      const deleted = answer.topics[0]?.partitions[0];
      assertOk(deleted?.errorCode ?? -1, `${topic}/${partition}`);
      return Number(deleted?.lowWatermark);
    });
  }

  async #create(spec: TopicSpec): Promise<void> {
    const { brokers, settings, limits } = this.#options;
    const topic = {
      topic: spec.name,
      numPartitions: spec.partitions,
      replicationFactor: settings.replication,
      configEntries: topicConfigs(spec, settings, limits),
    };
    const options = { topics: [topic], validateOnly: false, timeout: settings.requestTimeoutMs };
    let answer: CreateTopicsAnswer;
    try {
      answer = await brokers.ask("admin", -1, { api: "CreateTopics", options });
    } catch (error) {
      throw kafkaAppError(error);
    }
    const { errorCode = 0, errorMessage = "" } = answer.topicErrors[0] ?? {};
    // Someone else was faster.
    if (errorCode === 0 || codeName(errorCode) === "TOPIC_ALREADY_EXISTS") return;
    throw kafkaAppError(new ProtocolError(errorCode, `${spec.name} (${errorMessage})`));
  }

  /** Brokers learn of topics one after the other. */
  async #until(
    name: string,
    holds: (topic: KnownTopic | undefined) => boolean,
  ): Promise<KnownTopic | undefined> {
    const { clock, directory, limits } = this.#options;
    const until = clock.monotonic() + limits.topicReadyMs;
    for (;;) {
      const known = await directory.find(name);
      if (holds(known)) return known;
      if (clock.monotonic() > until)
        throw new AppError("log_unavailable", `The cluster does not settle on ${name}`);
      await pause(clock, POLL_MS);
    }
  }
}

function hasLeaders({ leaders }: KnownTopic): boolean {
  return leaders.every((leader) => leader >= 0);
}
