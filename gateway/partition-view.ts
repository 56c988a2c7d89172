import type { Beat } from "../src/ports/backplane.ts";
import type { PartitionId } from "../src/ports/message-store.ts";

interface Waiter {
  readonly since: number;
  /** Undefined until a beat that came after the question has set it. */
  through: number | undefined;
  readonly resolve: (settled: boolean) => void;
}

/** What a gateway knows of one partition's worker from its publications and beats. */
export class PartitionView {
  #ownerEpoch = 0;
  #number = -1;
  /** Whether heads were read while the store was followed, maybe before any worker was heard. */
  #followed = false;
  #waiters: Waiter[] = [];
  storedThrough = 0;
  /** Monotonic ms of the last beat; before the first one, of the first question for it. */
  heardAt: number;
  /** Whether there was a beat. */
  heard = false;
  /** Those with a reader on this gateway. */
  conversations = 0;
  readonly topic: string;
  readonly partition: number;

  constructor({ topic, partition }: PartitionId, now: number) {
    this.topic = topic;
    this.partition = partition;
    this.heardAt = now;
  }

  /**
   * Resolves to true once the store has everything that was published before this call (a later
   * beat names `publishedThrough`, and `storedThrough` reaches it), to false when that takes too
   * long.
   *
   * @param through the offset that the store has to reach instead, when it is known
   */
  settled(now: number, through?: number): Promise<boolean> {
    return new Promise((resolve) => this.#waiters.push({ since: now, through, resolve }));
  }

  /** Ends the waiting that began before `due`. */
  expire(due: number): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.since < due) waiter.resolve(false);
      else this.#waiters.push(waiter);
    }
  }

  /** Whether there was a beat since. */
  isHeard(since: number): boolean {
    return this.heard && this.heardAt >= since;
  }

  /** Whether the worker with this owner epoch was replaced by one that was heard. */
  isReplaced(ownerEpoch: number): boolean {
    return ownerEpoch < this.#ownerEpoch;
  }

  /**
   * Whether something that is heard shows that something before it was not. At first it does not, since
   * heads are read after a beat; but where the store was followed instead, what came after the last look
   * into it is known from nothing else.
   */
  get #mayMiss(): boolean {
    return this.#number >= 0 || this.#followed;
  }

  /** Takes a publication's number. @returns whether one before it was missed */
  hear(ownerEpoch: number, number: number): boolean {
    if (ownerEpoch < this.#ownerEpoch) return false;
    if (ownerEpoch > this.#ownerEpoch) {
      // What the former owner said last may have been missed as well.
      const missed = this.#mayMiss;
      this.#ownerEpoch = ownerEpoch;
      this.#number = number;
      return missed;
    }
    const missed = this.#mayMiss && number > this.#number + 1;
    if (number > this.#number) this.#number = number;
    return missed;
  }

  /** Takes a beat. @returns false for one of a worker that was replaced */
  take(beat: Beat, now: number): boolean {
    if (beat.ownerEpoch < this.#ownerEpoch) return false;
    this.storedThrough = beat.storedThrough;
    this.heardAt = now;
    this.heard = true;
    if (this.#waiters.length === 0) return true;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      // One that was sent before what is known came late: it says too little.
      if (beat.number >= this.#number) waiter.through ??= beat.publishedThrough;
      if (waiter.through !== undefined && beat.storedThrough >= waiter.through)
        waiter.resolve(true);
      else this.#waiters.push(waiter);
    }
    return true;
  }

  /** From now on the store is followed: heads are read without a beat. */
  follow(): void {
    this.#followed = true;
  }

  /** The store was seen to have everything below `nextOffset`, without a beat. */
  reach(nextOffset: number): void {
    this.storedThrough = Math.max(this.storedThrough, nextOffset);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.through !== undefined && nextOffset >= waiter.through) waiter.resolve(true);
      else this.#waiters.push(waiter);
    }
  }

  /** Whether a beat shows that its worker's last publications were missed. */
  behind(beat: Beat): boolean {
    if (beat.ownerEpoch < this.#ownerEpoch) return false;
    const later = beat.ownerEpoch > this.#ownerEpoch;
    const missed = this.#mayMiss && (later || beat.number > this.#number);
    this.#number = later ? beat.number : Math.max(beat.number, this.#number);
    this.#ownerEpoch = beat.ownerEpoch;
    return missed;
  }
}
