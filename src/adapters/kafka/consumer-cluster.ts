import {
  findCoordinatorV4,
  listOffsetsV7,
  metadataV12,
  type ConnectionOptions,
} from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import type { KafkaBroker } from "../../kafka/settings.ts";
import { incarnationOf } from "../../kafka/topic-id.ts";
import type { PartitionRange } from "../../ports/event-log.ts";
import { BrokerLink } from "./consumer-link.ts";

/** GROUP_AUTHORIZATION_FAILED. */
const GROUP_DENIED = 30;

export interface ClusterOptions {
  readonly bootstrap: readonly KafkaBroker[];
  readonly clientId: string;
  readonly connection: ConnectionOptions;
  /** For questions that a healthy broker answers at once. */
  readonly answerTimeoutMs: number;
}

/** One topic as a broker describes it. */
export interface TopicView {
  readonly name: string;
  /** Kafka's error code; 0 when it is there. */
  readonly code: number;
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The id as the port's callers know it. */
  readonly incarnation: string;
  /** By partition: the broker that leads it, or −1. */
  readonly leaders: readonly number[];
}

const GROUP_KEY = 0;
const READ_UNCOMMITTED = 0;
const EARLIEST = -2n;
const LATEST = -1n;

/** The brokers of a cluster: where they are, and links to them. */
export class Cluster {
  readonly #options: ClusterOptions;
  /** By node id. */
  #brokers = new Map<number, KafkaBroker>();
  readonly #asking = new Map<string, BrokerLink>();
  readonly #links = new Set<BrokerLink>();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** A connection of its own to a broker; undefined while the broker is not known. */
  link(node: number, requestTimeoutMs: number): BrokerLink | undefined {
    const broker = this.#brokers.get(node);
    return broker === undefined ? undefined : this.linkTo(broker, requestTimeoutMs);
  }

  linkTo({ host, port }: KafkaBroker, requestTimeoutMs: number): BrokerLink {
    const { clientId, connection } = this.#options;
    const link = new BrokerLink({
      host,
      port,
      clientId,
      connection: { ...connection, requestTimeout: requestTimeoutMs },
    });
    this.#links.add(link);
    return link;
  }

  drop(link: BrokerLink): void {
    this.#links.delete(link);
    link.close();
  }

  /** Describes topics; those that are not there have Kafka's code for it. */
  async describe(topics: readonly string[]): Promise<readonly TopicView[]> {
    const answer = await this.#ask((link) => link.call(metadataV12.api, [...topics], false, false));
    if (answer.brokers.length > 0)
      this.#brokers = new Map(
        answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]),
      );
    return answer.topics.map((topic) => {
      const leaders: number[] = [];
      for (const partition of topic.partitions)
        leaders[partition.partitionIndex] = partition.leaderId;
      return {
        name: topic.name ?? "",
        code: topic.errorCode,
        id: topic.topicId.replaceAll("-", ""),
        incarnation: incarnationOf(topic.topicId),
        leaders,
      };
    });
  }

  /** @throws log_unavailable while the group has no coordinator; forbidden without the right to it */
  async coordinator(group: string): Promise<KafkaBroker> {
    const answer = await this.#ask((link) => link.call(findCoordinatorV4.api, GROUP_KEY, [group]));
    const found = answer.coordinators[0];
    if (found?.errorCode === GROUP_DENIED)
      throw new AppError(
        "forbidden",
        `the group ${group} cannot be joined: the user lacks the ACL (Read on the group)`,
      );
    if (found === undefined || found.errorCode !== 0)
      throw new AppError(
        "log_unavailable",
        `the group ${group} has no coordinator now (code ${found?.errorCode})`,
      );
    return { host: found.host, port: found.port };
  }

  /** A partition's bounds, or undefined when its leader is not to be had. */
  async range(topic: string, partition: number, node: number): Promise<PartitionRange | undefined> {
    const link = this.link(node, this.#options.answerTimeoutMs);
    if (link === undefined) return undefined;
    try {
      const ask = async (timestamp: bigint) => {
        const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp }];
        const answer = await link.call(listOffsetsV7.api, -1, READ_UNCOMMITTED, [
          { name: topic, partitions },
        ]);
        const found = answer.topics[0]?.partitions[0];
        return found?.errorCode === 0 ? Number(found.offset) : undefined;
      };
      const start = await ask(EARLIEST);
      const end = await ask(LATEST);
      return start === undefined || end === undefined ? undefined : { start, end };
    } finally {
      this.drop(link);
    }
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
    this.#asking.clear();
  }

  /** Asks one broker after the other until one answers. */
  async #ask<R>(question: (link: BrokerLink) => Promise<R>): Promise<R> {
    const brokers = new Map(
      [...this.#brokers.values(), ...this.#options.bootstrap].map((broker) => [
        `${broker.host}:${broker.port}`,
        broker,
      ]),
    );
    // Whoever answered last is asked first.
    const known = [...this.#asking.keys()].filter((address) => brokers.has(address));
    let failure: unknown;
    for (const address of new Set([...known, ...brokers.keys()])) {
      let link = this.#asking.get(address);
      if (link === undefined) {
        link = this.linkTo(brokers.get(address) as KafkaBroker, this.#options.answerTimeoutMs);
        this.#asking.set(address, link);
      }
      try {
        return await question(link);
      } catch (error) {
        failure = error;
        this.drop(link);
        this.#asking.delete(address);
      }
    }
    throw failure;
  }
}
