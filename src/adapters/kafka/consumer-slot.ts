import type { ConsumerHandler, TopicInfo } from "../../ports/event-log.ts";
import type { FetchFeed } from "./fetch-feed.ts";
import type { Fetcher } from "./fetch.ts";

export interface SlotOptions {
  readonly topic: string;
  readonly partition: number;
  readonly handler: ConsumerHandler;
  readonly fetcher: Fetcher;
  /** The handler has let go of the partition: another member may have it. */
  readonly released: () => void;
  /** Nothing is held or to come. */
  readonly over: () => void;
}

/** A topic as both sides name it. */
export interface SlotTopic {
  readonly info: TopicInfo;
  /** 32 hexadecimal digits. */
  readonly id: string;
}

/**
 * One partition at this member: what it is to be, what it is, and the walk from the one to the
 * other. Calls to the handler follow each other.
 */
export class ConsumerSlot {
  readonly topic: string;
  readonly partition: number;
  readonly #options: SlotOptions;
  /** The topic to hold the partition of; another incarnation is another partition. */
  #target: SlotTopic | undefined;
  #held: SlotTopic | undefined;
  #feed: FetchFeed | undefined;
  #paused = false;
  #taken = 0;
  #restarting = false;
  #revoking = false;
  /** `lost` is to be called when the call under way has ended. */
  #lost = false;
  #walking: Promise<void> | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.partition = options.partition;
  }

  /** Whether others must not have the partition yet. */
  get held(): boolean {
    return this.#held !== undefined;
  }

  /** Whether the partition is this member's, and is to stay. */
  get owned(): boolean {
    return this.#held !== undefined && this.#held === this.#target;
  }

  /** Tells one time of holding the partition from the next. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes the partition, or lets go of it; what is held of an earlier incarnation is lost. */
  move(target: SlotTopic | undefined): void {
    if (target?.id === this.#target?.id) return;
    const held = this.#held;
    if (target !== undefined && held !== undefined && held.id !== target.id) this.lose();
    // The same object, so that `owned` is a comparison.
    this.#target = target?.id === this.#held?.id ? this.#held : target;
    this.#walk();
  }

  /** The partition is gone: the session ended, or the topic did. */
  lose(): void {
    this.#target = undefined;
    this.#restarting = false;
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#dropFeed();
    // Who is letting go already needs no other word.
    this.#lost = !this.#revoking;
    this.#walk();
  }

  pause(): void {
    this.#paused = true;
    this.#feed?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#feed?.resume();
  }

  restart(): void {
    if (!this.owned) return;
    this.#dropFeed();
    // Whoever paused is not there any more.
    this.#paused = false;
    this.#restarting = true;
    this.#walk();
  }

  /** Resolves when there is nothing left to do. */
  async settled(): Promise<void> {
    while (this.#walking !== undefined) await this.#walking;
  }

  #walk(): void {
    this.#walking ??= this.#steps().finally(() => {
      this.#walking = undefined;
      if (this.#next() !== undefined) this.#walk();
      else if (this.#held === undefined && this.#target === undefined) this.#options.over();
    });
  }

  #next(): (() => Promise<void>) | undefined {
    if (this.#lost) return () => this.#tellLost();
    if (this.#held !== undefined && this.#held !== this.#target) return () => this.#revoke();
    if (this.#target !== undefined && (this.#held === undefined || this.#restarting)) {
      const target = this.#target;
      return () => this.#assign(target);
    }
    return undefined;
  }

  async #steps(): Promise<void> {
    // Handlers are never called from within the call that made the change.
    await Promise.resolve();
    for (let step = this.#next(); step !== undefined; step = this.#next()) await step();
  }

  async #tellLost(): Promise<void> {
    this.#lost = false;
    this.#options.handler.lost(this.topic, this.partition);
  }

  async #revoke(): Promise<void> {
    const held = this.#held;
    this.#restarting = false;
    this.#dropFeed();
    this.#revoking = true;
    await this.#call(() => this.#options.handler.revoked(this.topic, this.partition));
    this.#revoking = false;
    if (this.#held === held) this.#held = undefined;
    this.#options.released();
  }

  async #assign(target: SlotTopic): Promise<void> {
    const { fetcher, handler } = this.#options;
    this.#restarting = false;
    if (this.#held === undefined) {
      this.#paused = false;
      this.#taken++;
    }
    this.#held = target;
    const { partition, topic } = this;
    const feed = fetcher.feed({
      topic,
      topicId: target.id,
      partition,
      records: (batch) => handler.records(batch),
      failed: (error) => handler.failed(topic, partition, error),
    });
    if (this.#paused) feed.pause();
    this.#feed = feed;
    // When it rejects the partition stays assigned but silent, until `restart` or a new assignment.
    const offset = await this.#call(() => handler.assigned(target.info, partition));
    if (offset !== undefined && this.#feed === feed && this.#target === target) feed.start(offset);
  }

  /** The handler's answer; what it throws is told to itself. */
  async #call<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      const fault = error instanceof Error ? error : new Error(String(error));
      this.#options.handler.failed(this.topic, this.partition, fault);
      return undefined;
    }
  }

  #dropFeed(): void {
    this.#feed?.stop();
    this.#feed = undefined;
  }
}
