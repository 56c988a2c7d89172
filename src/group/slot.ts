import type { Clock } from "../ports/clock.ts";
import type { RecordBatch, TopicInfo } from "../ports/event-log.ts";
import { PartitionFeed } from "./feed.ts";
import type { Member } from "./member.ts";
import type { GroupOptions } from "./source.ts";

/**
 * One partition within one group: who owns it, who is to own it, and the walk from the one to the
 * other. Calls to handlers follow each other, so that revoke always comes before assign.
 */
export class Slot {
  readonly topic: TopicInfo;
  readonly partition: number;
  owner: Member | undefined;
  private target: Member | undefined;
  private feed: PartitionFeed | undefined;
  private paused = false;
  private restarting = false;
  private walking = false;
  /** Raised when the partition is taken away: whatever walk is under way has nothing to say then. */
  private generation = 0;
  private calling: Promise<unknown> | undefined;
  private waiters: (() => void)[] = [];
  private readonly clock: Clock;
  private readonly options: GroupOptions;

  constructor(topic: TopicInfo, partition: number, clock: Clock, options: GroupOptions) {
    this.topic = topic;
    this.partition = partition;
    this.clock = clock;
    this.options = options;
  }

  /** Moves the partition to a member, or to nobody. */
  move(target: Member | undefined): void {
    this.target = target;
    if (this.owner !== target) this.startWalk();
  }

  /** Resolves when the member does not own the partition any more. */
  async released(member: Member): Promise<void> {
    while (this.owner === member) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  /** Takes the partition away without asking: the session ended or the topic is gone. */
  lose(tell: boolean): void {
    const owner = this.owner;
    this.generation++;
    this.walking = false;
    this.restarting = false;
    this.target = undefined;
    this.dropFeed();
    this.setOwner(undefined);
    if (!tell || owner === undefined) return;
    const lost = () => owner.handler.lost(this.topic.name, this.partition);
    // Calls for one partition never overlap: a pending one ends first.
    if (this.calling === undefined) lost();
    else void this.calling.then(lost);
  }

  /** Drops what is on its way and asks the owner anew where to start. */
  restart(): void {
    if (this.owner === undefined) return;
    this.dropFeed();
    // Whoever paused is not there any more.
    this.paused = false;
    this.restarting = true;
    this.startWalk();
  }

  pause(): void {
    this.paused = true;
    this.feed?.pause();
  }

  resume(): void {
    this.paused = false;
    this.feed?.resume();
  }

  appended(batch: RecordBatch): void {
    this.feed?.appended(batch);
  }

  private startWalk(): void {
    if (this.walking) return;
    this.walking = true;
    const generation = this.generation;
    // Handlers are never called from within the call that made the change.
    this.clock.defer(() => void this.walk(generation));
  }

  private async walk(generation: number): Promise<void> {
    while (generation === this.generation && (this.owner !== this.target || this.restarting)) {
      if (this.owner !== undefined && this.owner !== this.target)
        await this.revoke(this.owner, generation);
      else if (this.target !== undefined) await this.assign(this.target);
      else this.restarting = false;
    }
    if (generation === this.generation) this.walking = false;
  }

  private async revoke(owner: Member, generation: number): Promise<void> {
    this.restarting = false;
    this.dropFeed();
    await this.call(owner, () => owner.handler.revoked(this.topic.name, this.partition));
    if (generation === this.generation) this.setOwner(undefined);
  }

  private async assign(member: Member): Promise<void> {
    this.restarting = false;
    if (this.owner !== member) this.paused = false;
    this.setOwner(member);
    const { name } = this.topic;
    const feed = new PartitionFeed(name, this.partition, member.handler, this.clock, this.options);
    if (this.paused) feed.pause();
    this.feed = feed;
    // When it rejects the partition stays assigned but silent, until `restart` or a new assignment.
    const offset = await this.call(member, () =>
      member.handler.assigned(this.topic, this.partition),
    );
    if (offset !== undefined && this.feed === feed && this.target === member) feed.start(offset);
  }

  /** The handler's answer; what it throws is told to itself. */
  private async call<T>(member: Member, run: () => Promise<T>): Promise<T | undefined> {
    const running = run().catch((error: unknown) => {
      const fault = error instanceof Error ? error : new Error(String(error));
      member.handler.failed(this.topic.name, this.partition, fault);
      return undefined;
    });
    this.calling = running;
    const answer = await running;
    if (this.calling === running) this.calling = undefined;
    return answer;
  }

  private dropFeed(): void {
    this.feed?.stop();
    this.feed = undefined;
  }

  private setOwner(owner: Member | undefined): void {
    this.owner = owner;
    const waiters = this.waiters;
    this.waiters = [];
    for (const wake of waiters) wake();
  }
}
