import type { Clock } from "../ports/clock.ts";
import type { ConsumeOptions, Consumer, RecordBatch } from "../ports/event-log.ts";
import { Group } from "./group.ts";
import type { Member } from "./member.ts";
import type { GroupLag, GroupOptions } from "./source.ts";

/** Where a group's committed offsets are kept. */
export interface OffsetKeeper {
  commit(group: string, topic: string, partition: number, nextOffset: number): Promise<void>;
}

const NO_LAG: GroupLag = { records: 0, handed: 0 };

/**
 * Consumer groups whose members all live in this process, so that membership needs no heartbeats
 * over a wire and an assignment is known the moment that it is made.
 */
export class Coordinator {
  private readonly groups = new Map<string, Group>();
  private readonly consumers = new Set<Consumer>();
  private readonly clock: Clock;
  private readonly options: GroupOptions;
  private readonly offsets: OffsetKeeper;

  constructor(clock: Clock, offsets: OffsetKeeper, options: GroupOptions) {
    this.clock = clock;
    this.offsets = offsets;
    this.options = options;
  }

  /** A second member of the same name takes the first one's place, as after a restart. */
  consume(options: ConsumeOptions): Consumer {
    let group = this.groups.get(options.group);
    if (group === undefined) {
      group = new Group(this.clock, this.options);
      this.groups.set(options.group, group);
    }
    this.expire(options.group, options.member, true);
    const member: Member = {
      name: options.member,
      handler: options.handler,
      topics: new Set(options.topics),
      endedAt: undefined,
    };
    const consumer = this.consumerOf(options.group, group, member);
    this.consumers.add(consumer);
    group.join(member);
    return consumer;
  }

  /** Records became durable; called in offset order for each partition. */
  appended(batch: RecordBatch): void {
    for (const group of this.groups.values()) group.appended(batch);
  }

  /** Of a group that has members here; no lag for any other. */
  lagOf(group: string): GroupLag {
    return this.groups.get(group)?.lag ?? NO_LAG;
  }

  topicMade(): void {
    for (const group of this.groups.values()) group.rebalance();
  }

  topicGone(name: string): void {
    for (const group of this.groups.values()) group.topicGone(name);
  }

  /** Ends a member's session from outside; with `tell` false it goes on as a zombie. */
  expire(groupName: string, memberName: string, tell: boolean): void {
    const group = this.groups.get(groupName);
    const member = group?.find(memberName);
    if (group === undefined || member === undefined) return;
    member.endedAt = this.clock.monotonic();
    group.expire(member, tell);
  }

  /** Lets go of all members at once without telling them: what a crash looks like. */
  abandon(): void {
    for (const group of this.groups.values())
      for (const name of group.memberNames) {
        const member = group.find(name);
        if (member !== undefined) group.expire(member, false);
      }
    this.groups.clear();
  }

  async close(): Promise<void> {
    await Promise.all([...this.consumers].map((consumer) => consumer.close()));
  }

  private consumerOf(groupName: string, group: Group, member: Member): Consumer {
    let closing: Promise<void> | undefined;
    const owned = (topic: string, partition: number) =>
      group.owns(member, topic, partition) ? group.slot(topic, partition) : undefined;
    const consumer: Consumer = {
      setTopics: (topics) => {
        member.topics = new Set(topics);
        if (member.endedAt === undefined) group.rebalance();
        return Promise.resolve();
      },
      pause: (topic, partition) => owned(topic, partition)?.pause(),
      resume: (topic, partition) => owned(topic, partition)?.resume(),
      restart: (topic, partition) => owned(topic, partition)?.restart(),
      commit: (topic, partition, nextOffset) =>
        this.offsets.commit(groupName, topic, partition, nextOffset),
      lastHeartbeat: () => member.endedAt ?? this.clock.monotonic(),
      owns: (topic, partition) => Promise.resolve(group.owns(member, topic, partition)),
      close: () => {
        closing ??= group.leave(member).then(() => {
          member.endedAt ??= this.clock.monotonic();
          this.consumers.delete(consumer);
        });
        return closing;
      },
    };
    return consumer;
  }
}
