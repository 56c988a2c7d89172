import { assignRoundRobin } from "../policy/assignment.ts";
import type { Clock } from "../ports/clock.ts";
import type { RecordBatch } from "../ports/event-log.ts";
import type { Member } from "./member.ts";
import { Slot } from "./slot.ts";
import type { GroupLag, GroupOptions, Lagging } from "./source.ts";

/** The members of one consumer group and the partitions between them. */
export class Group {
  private readonly members = new Set<Member>();
  private readonly slots = new Map<string, Slot[]>();
  private readonly clock: Clock;
  private readonly options: GroupOptions;
  private readonly lagging = new Set<Lagging>();

  constructor(clock: Clock, options: GroupOptions) {
    this.clock = clock;
    this.options = { ...options, lagging: this.lagging };
  }

  /** Costs nothing while nobody is behind. */
  get lag(): GroupLag {
    let records = 0;
    let handed = 0;
    for (const one of this.lagging) {
      const { behind, next } = one;
      if (behind === 0) this.lagging.delete(one);
      records += behind;
      handed += next;
    }
    return { records, handed };
  }

  join(member: Member): void {
    this.members.add(member);
    this.rebalance();
  }

  /** Resolves when every partition of the member was revoked. */
  async leave(member: Member): Promise<void> {
    if (!this.members.delete(member)) return;
    const owned = this.owned(member);
    this.rebalance();
    await Promise.all(owned.map((slot) => slot.released(member)));
  }

  /** The member's session ended: others get its partitions without its consent. */
  expire(member: Member, tell: boolean): void {
    this.members.delete(member);
    for (const slot of this.owned(member)) slot.lose(tell);
    this.rebalance();
  }

  slot(topic: string, partition: number): Slot | undefined {
    return this.slots.get(topic)?.[partition];
  }

  owns(member: Member, topic: string, partition: number): boolean {
    return this.slot(topic, partition)?.owner === member;
  }

  appended(batch: RecordBatch): void {
    this.slots.get(batch.topic)?.[batch.partition]?.appended(batch);
  }

  topicGone(name: string): void {
    const slots = this.slots.get(name) ?? [];
    this.slots.delete(name);
    for (const slot of slots) slot.lose(true);
  }

  get memberNames(): readonly string[] {
    return [...this.members].map((member) => member.name);
  }

  /** A member, or one that is leaving and still holds a partition. */
  find(name: string): Member | undefined {
    const owners = [...this.slots.values()].flat().map((slot) => slot.owner);
    return [...this.members, ...owners].find((member) => member?.name === name);
  }

  rebalance(): void {
    const wanted = new Set([...this.members].flatMap((member) => [...member.topics]));
    for (const name of new Set([...wanted, ...this.slots.keys()])) {
      const topic = this.options.source.topic(name);
      if (topic === undefined) continue;
      let slots = this.slots.get(name);
      if (slots === undefined) {
        slots = Array.from(
          { length: topic.partitions },
          (_, partition) => new Slot(topic, partition, this.clock, this.options),
        );
        this.slots.set(name, slots);
      }
      const owners = assignRoundRobin(name, topic.partitions, [...this.members]);
      for (const slot of slots) slot.move(owners[slot.partition]);
    }
  }

  private owned(member: Member): readonly Slot[] {
    return [...this.slots.values()].flat().filter((slot) => slot.owner === member);
  }
}
