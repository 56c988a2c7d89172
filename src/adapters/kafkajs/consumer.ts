import { topicsMark } from "../../kafka/assignment-note.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { KafkaSettings } from "../../kafka/settings.ts";
import type { Limits } from "../../limits.ts";
import { assignSticky, type Partitions } from "../../policy/sticky-assignment.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConsumeOptions, Consumer } from "../../ports/event-log.ts";
import { Brokers } from "./brokers.ts";
import { Directory } from "./directory.ts";
import { Fetcher } from "./fetcher.ts";
import type { GroupPlan, JoinedGroup } from "./group-requests.ts";
import { Membership } from "./membership.ts";
import { OwnedPartition } from "./owned-partition.ts";
import { codeName, ProtocolError } from "./protocol.ts";
import { type PartitionReader, positionError } from "./reader.ts";
import { TopicWatch } from "./topic-watch.ts";

export interface GroupConsumerOptions extends ConsumeOptions {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly reader: PartitionReader;
  /** It has let go of everything. */
  readonly closed: () => void;
}

/** After this time a member that closes tells the group of each partition as it comes free. */
const LATE_MS = 300;

/** One member of a consumer group, with connections of its own. */
export class GroupConsumer implements Consumer {
  readonly #options: GroupConsumerOptions;
  readonly #brokers: Brokers;
  readonly #directory: Directory;
  readonly #watch: TopicWatch;
  readonly #membership: Membership;
  readonly #fetcher: Fetcher;
  /** By `topic/partition`. */
  readonly #partitions = new Map<string, OwnedPartition>();
  #topics: ReadonlySet<string>;
  #closing: Promise<void> | undefined;

  constructor(options: GroupConsumerOptions) {
    const { settings, clock, limits, group, member } = options;
    this.#options = options;
    this.#topics = new Set(options.topics);
    const brokers = (this.#brokers = new Brokers(settings));
    const directory = (this.#directory = new Directory(brokers, settings.requestTimeoutMs));
    this.#watch = new TopicWatch({
      directory,
      clock,
      changed: () => this.#membership.rejoin(),
      replaced: (topic) => this.#loseTopic(topic),
      refreshed: () => this.#fetcher.wake(),
    });
    this.#fetcher = new Fetcher({
      brokers,
      directory,
      clock,
      limits,
      partitions: () => this.#partitions.values(),
      stale: () => this.#watch.hurry(),
      refused: (partition, code) => void this.#refused(partition, code),
    });
    this.#membership = new Membership({
      brokers,
      clock,
      limits,
      group,
      member,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      events: {
        topics: () => {
          const topics = this.#closing === undefined ? this.#topics : new Set<string>();
          this.#watch.joined(topics);
          return topics;
        },
        held: () => this.#held(),
        plan: (joined) => this.#plan(joined),
        assigned: (target) => this.#assigned(target),
        lost: () => this.#loseWhere(() => true),
        failed: (error) => options.handler.failed("", -1, error),
      },
    });
  }

  start(): void {
    this.#watch.start(this.#topics);
    // Handlers are not called before `consume` has resolved.
    this.#options.clock.defer(() => {
      if (this.#closing === undefined) this.#membership.start();
    });
  }

  setTopics(topics: readonly string[]): Promise<void> {
    this.#topics = new Set(topics);
    this.#membership.rejoin();
    return Promise.resolve();
  }

  pause(topic: string, partition: number): void {
    this.#kept(topic, partition)?.pause();
  }

  resume(topic: string, partition: number): void {
    this.#kept(topic, partition)?.resume();
  }

  restart(topic: string, partition: number): void {
    this.#kept(topic, partition)?.restart();
  }

  commit(topic: string, partition: number, nextOffset: number): Promise<void> {
    return this.#membership.commit(topic, partition, nextOffset);
  }

  lastHeartbeat(): number {
    return this.#membership.provenAt;
  }

  async owns(topic: string, partition: number): Promise<boolean> {
    const owned = () => this.#partitions.get(keyOf(topic, partition))?.held === true;
    return owned() && (await this.#membership.check()) && owned();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Leaving gives all of it to others in one round; a partition that takes long waits alone.
    const late = this.#options.clock.every(LATE_MS, () => this.#membership.rejoin());
    await Promise.all([...this.#partitions].map((entry) => this.#letGo(...entry)));
    late.cancel();
    this.#fetcher.close();
    this.#watch.close();
    await this.#membership.leave();
    this.#partitions.clear();
    this.#brokers.close();
    this.#options.closed();
  }

  #kept(topic: string, partition: number): OwnedPartition | undefined {
    const found = this.#partitions.get(keyOf(topic, partition));
    return found?.kept === true ? found : undefined;
  }

  #held(): Partitions {
    const held = new Map<string, number[]>();
    for (const { topic, partition } of this.#partitions.values()) {
      const list = held.get(topic.name);
      if (list === undefined) held.set(topic.name, [partition]);
      else list.push(partition);
    }
    return held;
  }

  async #plan({ members }: JoinedGroup): Promise<GroupPlan> {
    const topics = new Set([...members.values()].flatMap((member) => [...member.topics]));
    await this.#directory.refresh(topics);
    this.#watch.planned(topics);
    const shared = [...topics].flatMap((topic) => this.#directory.get(topic)?.info ?? []);
    const candidates = [...members].map(([name, subscription]) => ({ name, ...subscription }));
    const mark = shared.map(({ name, partitions }) => `${name}/${partitions}`);
    return { ...assignSticky(shared, candidates), mark: topicsMark(new Set(mark)) };
  }

  async #assigned(target: Partitions): Promise<void> {
    const wanted = new Map<string, readonly [string, number]>();
    for (const [topic, list] of target)
      for (const partition of list) wanted.set(keyOf(topic, partition), [topic, partition]);
    for (const [key, partition] of this.#partitions)
      if (!wanted.has(key) && partition.kept) void this.#letGo(key, partition);
    if (this.#closing !== undefined) return;
    const unknown = [...target.keys()].filter((topic) => this.#directory.get(topic) === undefined);
    if (unknown.length > 0) await this.#directory.refresh(unknown);
    for (const [key, [topic, partition]] of wanted)
      if (!this.#partitions.has(key)) this.#take(key, topic, partition);
    this.#fetcher.wake();
  }

  #take(key: string, name: string, partition: number): void {
    const topic = this.#directory.get(name)?.info;
    // The watch sees it later, and asks for another round.
    if (topic === undefined || partition >= topic.partitions || this.#closing !== undefined) return;
    const { handler, clock, limits } = this.#options;
    const owned = new OwnedPartition({
      topic,
      partition,
      handler,
      clock,
      pageRecordsMax: limits.readPageRecordsMax,
      readable: () => this.#fetcher.wake(),
    });
    this.#partitions.set(key, owned);
    owned.start();
  }

  async #letGo(key: string, partition: OwnedPartition): Promise<void> {
    await partition.revoke();
    if (this.#partitions.get(key) !== partition) return;
    this.#partitions.delete(key);
    // Now it can be given to another member.
    if (this.#closing === undefined) this.#membership.rejoin();
  }

  #loseTopic(name: string): void {
    this.#loseWhere(({ topic }) => topic.name === name);
    this.#membership.rejoin();
  }

  #loseWhere(fits: (partition: OwnedPartition) => boolean): void {
    for (const [key, partition] of this.#partitions)
      if (fits(partition)) {
        this.#partitions.delete(key);
        partition.lose();
      }
  }

  /** The position is not in the log, or may not be read: the handler has to know. */
  async #refused(partition: OwnedPartition, code: number): Promise<void> {
    const { topic, next, turn } = partition;
    const place = `${topic.name}/${partition.partition}`;
    if (codeName(code) !== "OFFSET_OUT_OF_RANGE")
      return partition.fail(kafkaAppError(new ProtocolError(code, place)));
    try {
      const range = await this.#options.reader.range(topic.name, partition.partition);
      const fault = positionError(topic.name, partition.partition, next, range);
      if (fault === undefined || partition.turn !== turn) return;
      partition.fail(fault);
    } catch {
      // Fetched again a moment later, and refused again if it still is not there.
      this.#watch.hurry();
    }
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
