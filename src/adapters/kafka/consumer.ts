import { randomUUID } from "node:crypto";
import type { Partitions, SharedTopic } from "../../policy/sticky-assignment.ts";
import type { Timer } from "../../ports/clock.ts";
import type { ConsumeOptions, Consumer } from "../../ports/event-log.ts";
import type { KafkaClient } from "./client.ts";
import { Cluster } from "./consumer-cluster.ts";
import { ConsumerSlot } from "./consumer-slot.ts";
import { TopicWatch } from "./consumer-topics.ts";
import { Fetcher } from "./fetch.ts";
import { ClassicMembership } from "./group-classic.ts";
import { GroupCoordinator } from "./group-coordinator.ts";
import type { Membership, MembershipEvents } from "./group-membership.ts";
import { ModernMembership } from "./group-modern.ts";

/** While some partitions are still being let go, those that are free wait so long for company. */
const RELEASE_GATHER_MS = 100;
const NONE: Partitions = new Map();

/**
 * A member of a Kafka consumer group with everything that the library's own stream lacks: flow
 * control and position for each partition, and a revocation that is awaited before it moves.
 */
class KafkaConsumer implements Consumer {
  readonly #client: KafkaClient;
  readonly #options: ConsumeOptions;
  readonly #cluster: Cluster;
  readonly #watch: TopicWatch;
  readonly #coordinator: GroupCoordinator;
  readonly #fetcher: Fetcher;
  readonly #membership: Membership;
  readonly #slots = new Map<string, ConsumerSlot>();
  #topics: ReadonlySet<string>;
  /** What the group says is this member's. */
  #target: Partitions = NONE;
  #releasing: Timer | undefined;
  #closing: Promise<void> | undefined;
  #lastFailure = "";

  constructor(client: KafkaClient, options: ConsumeOptions) {
    const { clock, limits, settings } = client;
    this.#client = client;
    this.#options = options;
    this.#topics = new Set(options.topics);
    this.#cluster = new Cluster({
      bootstrap: settings.brokers,
      clientId: settings.clientId,
      connection: client.libraryOptions(),
      answerTimeoutMs: limits.groupAnswerTimeoutMs,
    });
    this.#watch = new TopicWatch({
      cluster: this.#cluster,
      clock,
      changed: () => this.#topicsKnown(),
      failed: (topic, error) => this.#failed(topic, error),
    });
    this.#fetcher = new Fetcher({
      cluster: this.#cluster,
      clock,
      leader: (topic, partition) => this.#watch.view(topic)?.leaders[partition] ?? -1,
      stale: () => this.#watch.stale(),
      answerTimeoutMs: limits.groupAnswerTimeoutMs,
      waitMs: limits.fetchWaitMs,
      spacingMs: limits.fetchSpacingMs,
      bytesMax: limits.fetchBytesMax,
      partitionBytesMax: limits.fetchPartitionBytesMax,
      aheadBytesMax: limits.fetchAheadBytesMax,
      turnRecords: limits.readPageRecordsMax,
    });
    this.#coordinator = new GroupCoordinator({
      cluster: this.#cluster,
      group: options.group,
      answerTimeoutMs: limits.groupAnswerTimeoutMs,
      joinTimeoutMs: limits.rebalanceTimeoutMs + limits.groupAnswerTimeoutMs,
    });
    this.#membership = this.#join();
  }

  /** Begins to be a member; the handler is called from here on. */
  start(): void {
    if (this.#closing !== undefined) return;
    this.#watch.watch(this.#topics);
    this.#membership.start();
  }

  async setTopics(topics: readonly string[]): Promise<void> {
    if (this.#closing !== undefined) return;
    this.#topics = new Set(topics);
    this.#watch.watch(this.#topics);
    this.#membership.topicsChanged();
  }

  pause(topic: string, partition: number): void {
    this.#slot(topic, partition)?.pause();
  }

  resume(topic: string, partition: number): void {
    this.#slot(topic, partition)?.resume();
  }

  restart(topic: string, partition: number): void {
    this.#slot(topic, partition)?.restart();
  }

  commit(topic: string, partition: number, nextOffset: number): Promise<void> {
    return this.#membership.commit(new Map([[topic, new Map([[partition, nextOffset]])]]));
  }

  lastHeartbeat(): number {
    return this.#membership.provenAt;
  }

  async owns(topic: string, partition: number): Promise<boolean> {
    const slot = this.#slot(topic, partition);
    if (slot === undefined || !slot.owned || this.#closing !== undefined) return false;
    const { taken } = slot;
    const isMember = await this.#membership.check();
    // It may have been lost and taken again while the coordinator was asked.
    return isMember && slot.owned && slot.taken === taken;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#membership.settle();
    this.#releasing?.cancel();
    const slots = [...this.#slots.values()];
    for (const slot of slots) slot.move(undefined);
    await Promise.all(slots.map((slot) => slot.settled()));
    this.#fetcher.close();
    await this.#leave();
    this.#coordinator.close();
    this.#watch.close();
    this.#cluster.close();
  }

  /** Says goodbye, unless no broker hears it: then the session's end tells the others. */
  async #leave(): Promise<void> {
    const { clock, limits } = this.#client;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(limits.groupAnswerTimeoutMs, resolve);
    await Promise.race([this.#membership.leave(), promise]);
    timer.cancel();
  }

  #join(): Membership {
    const { clock, limits, settings } = this.#client;
    const events: MembershipEvents = {
      assigned: (target) => {
        if (this.#closing !== undefined) return;
        this.#target = target;
        // Whatever it was, it is over, and news if it comes again.
        this.#lastFailure = "";
        this.#reconcile();
      },
      lost: () => {
        this.#target = NONE;
        for (const slot of this.#slots.values()) slot.lose();
      },
      failed: (error) => this.#failed("", error),
      held: () => this.#held(),
    };
    const options = {
      group: this.#options.group,
      member: this.#options.member,
      coordinator: this.#coordinator,
      clock,
      events,
      topics: () => this.#topics,
      sessionTimeoutMs: settings.sessionTimeoutMs,
      rebalanceTimeoutMs: limits.rebalanceTimeoutMs,
      heartbeatMs: Math.min(limits.groupHeartbeatMs, settings.sessionTimeoutMs / 4),
    };
    if (settings.groupProtocol === "classic")
      return new ClassicMembership({ ...options, describe: (names) => this.#describe(names) });
    return new ModernMembership({
      ...options,
      memberId: randomUUID(),
      topicId: (name) => this.#watch.view(name)?.id,
      topicName: (id) => this.#watch.nameOf(id),
    });
  }

  /** Another look at the topics brought something new. */
  #topicsKnown(): void {
    this.#reconcile();
    this.#fetcher.route();
    this.#membership.topicsChanged();
  }

  /** Makes each partition what the group says, as far as its topic is known. */
  #reconcile(): void {
    if (this.#closing !== undefined) return;
    for (const [name, partitions] of this.#target) {
      const view = this.#watch.view(name);
      if (view === undefined) continue;
      const { id, incarnation, leaders } = view;
      const topic = { id, info: { name, incarnation, partitions: leaders.length } };
      for (const partition of partitions) this.#slotFor(name, partition).move(topic);
    }
    for (const slot of this.#slots.values()) {
      const isGone = this.#topics.has(slot.topic) && this.#watch.view(slot.topic) === undefined;
      if (isGone) slot.lose();
      else if (this.#target.get(slot.topic)?.includes(slot.partition) !== true)
        slot.move(undefined);
    }
  }

  #slotFor(topic: string, partition: number): ConsumerSlot {
    const key = `${partition}/${topic}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new ConsumerSlot({
        topic,
        partition,
        handler: this.#options.handler,
        fetcher: this.#fetcher,
        released: () => this.#released(),
        over: () => this.#slots.delete(key),
      });
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #slot(topic: string, partition: number): ConsumerSlot | undefined {
    return this.#slots.get(`${partition}/${topic}`);
  }

  /** All that nobody else may have: what the group gave, and what is still being let go. */
  #held(): Partitions {
    const held = new Map([...this.#target].map(([topic, list]) => [topic, [...list]]));
    for (const { topic, partition, held: isHeld } of this.#slots.values()) {
      if (!isHeld) continue;
      const list = held.get(topic);
      if (list === undefined) held.set(topic, [partition]);
      else if (!list.includes(partition)) list.push(partition);
    }
    return held;
  }

  /** Tells the group at once when all is free that had to be, else soon. */
  #released(): void {
    if (this.#closing !== undefined) return;
    const more = [...this.#slots.values()].some((slot) => slot.held && !slot.owned);
    if (more) {
      this.#releasing ??= this.#client.clock.after(RELEASE_GATHER_MS, () => this.#tellReleased());
      return;
    }
    this.#tellReleased();
  }

  #tellReleased(): void {
    this.#releasing?.cancel();
    this.#releasing = undefined;
    this.#membership.released();
  }

  async #describe(names: ReadonlySet<string>): Promise<readonly SharedTopic[]> {
    const unknown = [...names].filter((name) => this.#watch.view(name) === undefined);
    if (unknown.some((name) => this.#topics.has(name))) await this.#watch.refresh();
    const foreign = unknown.filter((name) => !this.#topics.has(name));
    const views = foreign.length === 0 ? [] : await this.#cluster.describe(foreign);
    const described: SharedTopic[] = [];
    for (const name of names) {
      const view = this.#watch.view(name) ?? views.find((one) => one.name === name);
      if (view !== undefined && view.leaders.length > 0)
        described.push({ name, partitions: view.leaders.length });
    }
    return described;
  }

  #failed(topic: string, error: Error): void {
    // Told once, not at every try.
    const text = `${topic} ${error.message}`;
    if (text === this.#lastFailure || this.#closing !== undefined) return;
    this.#lastFailure = text;
    this.#options.handler.failed(topic, -1, error);
  }
}

/** Joins a group; the handler is called after the promise has resolved, whenever Kafka answers. */
export async function joinKafkaGroup(
  client: KafkaClient,
  options: ConsumeOptions,
): Promise<Consumer> {
  const consumer = new KafkaConsumer(client, options);
  client.clock.defer(() => consumer.start());
  return consumer;
}
