import type { Member } from "./member.ts";

const POLL_MS = 1;
const ANSWER_TIMEOUT_MS = 30_000;

export interface Hops {
  /** Connects a member that has left, and subscribes it again. */
  rejoin(member: Member): Promise<void>;
  /** It may send again. */
  back(member: Member): void;
}

/**
 * Members that leave and come back all the time: each sends nothing more until all is answered,
 * drops its socket without a word, connects anew (over another gateway, perhaps) and reads on from
 * its cursor.
 */
export class Churn {
  readonly #members: readonly Member[];
  readonly #hops: Hops;
  readonly #perSecond: number;
  readonly #under = new Set<Promise<void>>();
  #next = 0;
  #due = 0;
  #last = performance.now();
  #timer: Timer | undefined;
  #fault: unknown;
  reconnects = 0;

  /** @param share of the members that reconnect in a second, 0 to 1 */
  constructor(members: readonly Member[], share: number, hops: Hops) {
    this.#members = members;
    this.#hops = hops;
    this.#perSecond = share * members.length;
  }

  start(): void {
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#tick(), 10);
  }

  /** Starts no more, and waits for those that are away. @throws when one could not come back */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#under);
    if (this.#fault !== undefined) throw new Error("a member stayed away", { cause: this.#fault });
  }

  #tick(): void {
    const now = performance.now();
    this.#due += ((now - this.#last) / 1000) * this.#perSecond;
    this.#last = now;
    for (; this.#due >= 1; this.#due--) {
      const member = this.#members[this.#next++ % this.#members.length] as Member;
      if (member.isAway) continue;
      const hop = this.#hop(member)
        .catch((error: unknown) => {
          this.#fault ??= error;
        })
        .finally(() => this.#under.delete(hop));
      this.#under.add(hop);
    }
  }

  async #hop(member: Member): Promise<void> {
    member.isAway = true;
    const deadline = performance.now() + ANSWER_TIMEOUT_MS;
    while (member.unanswered > 0) {
      if (performance.now() > deadline) throw new Error("messages stayed unanswered");
      await Bun.sleep(POLL_MS);
    }
    member.leave();
    await this.#hops.rejoin(member);
    member.isAway = false;
    this.reconnects++;
    this.#hops.back(member);
  }
}
