import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import { incarnationOf } from "../../kafka/topic-id.ts";
import type { TopicInfo } from "../../ports/event-log.ts";
import type { Brokers } from "./brokers.ts";
import { type ClusterMetadata, metadataCall, type TopicMetadata } from "./metadata.ts";
import { codeName, ProtocolError } from "./protocol.ts";

export interface KnownTopic {
  readonly info: TopicInfo;
  /** Node of each partition's leader; −1: none at the moment. */
  readonly leaders: readonly number[];
}

/** Codes that say that there is no such topic. */
const ABSENT: ReadonlySet<string> = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "INVALID_TOPIC_EXCEPTION",
]);

/** What is known of the cluster's topics: who leads their partitions, and which incarnation they are. */
export class Directory {
  readonly #brokers: Brokers;
  readonly #topics = new Map<string, KnownTopic>();
  readonly #denied = new Map<string, AppError>();
  readonly #timeoutMs: number;
  #asked = new Set<string>();
  #wave: Promise<void> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(brokers: Brokers, timeoutMs: number) {
    this.#brokers = brokers;
    this.#timeoutMs = timeoutMs;
  }

  /** As far as is known. */
  get(name: string): KnownTopic | undefined {
    return this.#topics.get(name);
  }

  leader(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaders[partition] ?? -1;
  }

  /** A broker said something that does not fit: asked again before it is used. */
  forget(name: string): void {
    this.#topics.delete(name);
  }

  /** Why the topic may not be described, if it may not. */
  denial(name: string): AppError | undefined {
    return this.#denied.get(name);
  }

  /**
   * Asks for these topics; calls while a request is under way share the next one.
   * @throws AppError when no broker answers
   */
  refresh(names: Iterable<string>): Promise<void> {
    for (const name of names) this.#asked.add(name);
    this.#wave ??= this.#running.then(() => {
      const asked = [...this.#asked];
      this.#asked = new Set();
      this.#wave = undefined;
      const running = this.#ask(asked).then((metadata) => this.#take(metadata));
      this.#running = running.catch(() => undefined);
      return running;
    });
    return this.#wave;
  }

  /** @returns undefined when there is no such topic @throws AppError when nobody may say */
  async find(name: string): Promise<KnownTopic | undefined> {
    await this.refresh([name]);
    const denied = this.#denied.get(name);
    if (denied !== undefined) throw denied;
    return this.#topics.get(name);
  }

  /** @throws topic_unknown */
  async partition(topic: string, partition: number): Promise<KnownTopic> {
    let known = this.#topics.get(topic);
    if (known === undefined || !isPartition(known, partition)) known = await this.find(topic);
    if (known === undefined || !isPartition(known, partition))
      throw unknownPartition(topic, partition);
    return known;
  }

  /** All topics but those that the brokers keep for themselves. */
  async all(): Promise<readonly KnownTopic[]> {
    const metadata = await this.#ask(undefined);
    this.#take(metadata);
    const names = metadata.topics.filter((topic) => !topic.internal).map((topic) => topic.name);
    return names.flatMap((name) => this.#topics.get(name) ?? []);
  }

  async #ask(names: readonly string[] | undefined): Promise<ClusterMetadata> {
    try {
      return await this.#brokers.ask("admin", -1, metadataCall(names), this.#timeoutMs);
    } catch (error) {
      throw kafkaAppError(error);
    }
  }

  #take({ nodes, topics }: ClusterMetadata): void {
    // A cluster without brokers is how a broker answers those whom it does not know.
    if (nodes.length === 0) throw new AppError("log_unavailable", "The metadata names no broker");
    this.#brokers.setNodes(nodes);
    for (const topic of topics) this.#takeTopic(topic);
  }

  #takeTopic({ code, name, id, leaders }: TopicMetadata): void {
    this.#denied.delete(name);
    const error = codeName(code);
    if (error === "" || error === "LEADER_NOT_AVAILABLE") {
      const known = this.#topics.get(name);
      const incarnation = incarnationOf(id);
      const info =
        known?.info.incarnation === incarnation && known.info.partitions === leaders.length
          ? known.info
          : { name, incarnation, partitions: leaders.length };
      this.#topics.set(name, { info, leaders });
      return;
    }
    this.#topics.delete(name);
    if (!ABSENT.has(error)) this.#denied.set(name, kafkaAppError(new ProtocolError(code, name)));
  }
}

function isPartition({ info }: KnownTopic, partition: number): boolean {
  return Number.isInteger(partition) && partition >= 0 && partition < info.partitions;
}

export function unknownPartition(topic: string, partition: number): AppError {
  return new AppError("topic_unknown", `There is no partition ${topic}/${partition}`);
}
