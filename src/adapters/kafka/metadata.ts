import { type metadataV12, protocolErrorsCodesById } from "@platformatic/kafka";
import type { KafkaBroker } from "../../kafka/settings.ts";

export type MetadataResponse = ReturnType<typeof metadataV12.parseResponse>;

/** A topic as the cluster described it last. */
export interface KafkaTopic {
  readonly name: string;
  /** The broker's id of this incarnation, a UUID. */
  readonly id: string;
  /** Broker id of each partition's leader; −1 while there is none. */
  readonly leaders: readonly number[];
  readonly leaderEpochs: readonly number[];
  /** Broker ids of each partition's copies, and of those that have all. */
  readonly replicas: readonly (readonly number[])[];
  readonly inSync: readonly (readonly number[])[];
}

interface Round {
  readonly names: Set<string>;
  readonly done: Promise<void>;
}

const UNKNOWN_TOPIC_OR_PARTITION = 3;
/** Of so many topics that are not there the reason is kept. */
const FAULTS_MAX = 10_000;

/** What is known of brokers and topics. Never older than the last error that spoke against it. */
export class MetadataCache {
  readonly brokers = new Map<number, KafkaBroker>();
  clusterId: string | undefined;
  controllerId = -1;
  readonly #fetch: (topics: string[] | null) => Promise<MetadataResponse>;
  readonly #topics = new Map<string, KafkaTopic>();
  readonly #faults = new Map<string, number>();
  #running: Promise<void> = Promise.resolve();
  #next: Round | undefined;

  /** @param fetch asks any broker; null: for all topics */
  constructor(fetch: (topics: string[] | null) => Promise<MetadataResponse>) {
    this.#fetch = fetch;
  }

  /** As last heard; undefined: not known. */
  topic(name: string): KafkaTopic | undefined {
    return this.#topics.get(name);
  }

  /** Broker id of the partition's leader as last heard; −1: not known. */
  leader(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaders[partition] ?? -1;
  }

  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  /** Kafka's name of why the topic is not known, as last heard. */
  fault(topic: string): string {
    const code = this.#faults.get(topic) ?? UNKNOWN_TOPIC_OR_PARTITION;
    return protocolErrorsCodesById[code] ?? "UNKNOWN_SERVER_ERROR";
  }

  /**
   * Asks for topics (none: for the brokers only). Calls while another request is on its way share
   * the next one. @throws the library's error when no broker answers
   */
  refresh(names: Iterable<string>): Promise<void> {
    if (this.#next === undefined) {
      const asked = new Set<string>();
      const done = this.#running.then(() => {
        this.#next = undefined;
        const round = this.#load(asked);
        this.#running = round.catch(() => {});
        return round;
      });
      this.#next = { names: asked, done };
    }
    for (const name of names) this.#next.names.add(name);
    return this.#next.done;
  }

  /** All topics but the cluster's own. */
  async all(): Promise<readonly KafkaTopic[]> {
    const response = await this.#fetch(null);
    this.#take(response);
    return response.topics
      .filter(({ isInternal, errorCode }) => !isInternal && errorCode === 0)
      .flatMap(({ name }) => this.#topics.get(name as string) ?? []);
  }

  async #load(names: ReadonlySet<string>): Promise<void> {
    this.#take(await this.#fetch([...names]));
  }

  #take(response: MetadataResponse): void {
    this.clusterId = response.clusterId ?? undefined;
    this.controllerId = response.controllerId;
    if (response.brokers.length > 0) this.brokers.clear();
    for (const { nodeId, host, port } of response.brokers) this.brokers.set(nodeId, { host, port });
    for (const topic of response.topics) {
      const name = topic.name as string;
      this.#faults.delete(name);
      if (topic.errorCode !== 0) {
        this.#topics.delete(name);
        if (this.#faults.size >= FAULTS_MAX) this.#faults.clear();
        this.#faults.set(name, topic.errorCode);
        continue;
      }
      const leaders: number[] = [];
      const leaderEpochs: number[] = [];
      const replicas: (readonly number[])[] = [];
      const inSync: (readonly number[])[] = [];
      for (const partition of topic.partitions) {
        const { partitionIndex } = partition;
        leaders[partitionIndex] = partition.leaderId;
        leaderEpochs[partitionIndex] = partition.leaderEpoch;
        replicas[partitionIndex] = partition.replicaNodes;
        inSync[partitionIndex] = partition.isrNodes;
      }
      const id = topic.topicId;
      this.#topics.set(name, { name, id, leaders, leaderEpochs, replicas, inSync });
    }
  }
}
