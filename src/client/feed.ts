import type { SubscribeReply } from "../wire/frame.ts";
import { fullJitterMs, type BackoffOptions } from "./backoff.ts";
import type { TidegateError } from "./errors.ts";
import type { EventItem, ResetReason } from "./item.ts";
import type { ClientClock, ClientRandom, ClientTimer } from "./platform.ts";
import { cursorOf, place, positionOf, type Position } from "./position.ts";
import type { Push } from "./push.ts";
import type { Outcome, Session } from "./session.ts";

/** Where a reader begins: behind a cursor, `tail` events back, or at the head. */
export interface Start {
  readonly cursor?: string | undefined;
  readonly tail?: number | undefined;
}

export interface FeedMember {
  onEvent(item: EventItem, size: number): void;
  /** The feed starts over: its next event is `floor` of `epoch`. */
  onRestart(reason: ResetReason, epoch: string, floor: number): void;
  onLag(from: number, to: number): void;
  /** Everything up to and with the feed's position has been handed on. */
  onLive(seq: number): void;
  /** The feed has a position now, or a conversation without an epoch has got one. */
  onPlaced(position: Position, head: number): void;
  onFailed(error: TidegateError): void;
}

export interface FeedHost {
  readonly clock: ClientClock;
  readonly random: ClientRandom;
  readonly backoff: BackoffOptions;
  session(): Session | undefined;
}

/** How far back a reader of a conversation that has just got its first events may have to look. */
const NEWBORN_TAIL = 1_000;

/**
 * The one server subscription of a conversation. It hands on seq after seq without a hole: what it
 * has seen it drops, and at a jump it subscribes again from its cursor instead of going on.
 */
export class Feed {
  readonly conversation: string;
  readonly members = new Set<FeedMember>();
  readonly #host: FeedHost;
  readonly #start: Start;
  #position: Position | undefined;
  #head = 0;
  #live = false;
  /** Whether the reply of the newest subscribe has come; pushes before it belong to an older one. */
  #synced = false;
  #pass = 0;
  #stalls = 0;
  #timer: ClientTimer | undefined;

  constructor(conversation: string, start: Start, host: FeedHost) {
    this.conversation = conversation;
    this.#host = host;
    this.#start = start;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  get live(): boolean {
    return this.#live;
  }

  /** The last seq that the server is known to have, while it is connected and has said so. */
  get head(): number | undefined {
    return this.#synced && this.#position ? Math.max(this.#head, this.#position.seq) : undefined;
  }

  up(): void {
    this.#stalls = 0;
    this.#subscribe();
  }

  down(): void {
    this.#pass++;
    this.#synced = false;
    this.#live = false;
    this.#timer?.cancel();
  }

  /** Nobody reads any more. */
  stop(): void {
    this.down();
    this.#host.session()?.request("unsubscribe", { conversation: this.conversation }, () => {});
  }

  event(push: Push, size: number): void {
    const { seq, event } = push;
    const position = this.#position;
    if (!this.#synced || !position || seq === undefined || !event) return;
    const where = place(position.seq, seq);
    if (where === "seen") return;
    // An event of a conversation that had no epoch yet: only a subscribe reply can tell it.
    if (where === "jump" || position.epoch === "") return this.#again();
    this.#stalls = 0;
    const { epoch } = position;
    const { conversation } = this;
    this.#position = { epoch, seq };
    const cursor = `${epoch}.${seq}`;
    const item: EventItem = { type: "event", conversation, epoch, seq, cursor, event };
    for (const member of this.members) member.onEvent(item, size);
  }

  liveAt(seq: number): void {
    if (!this.#synced || !this.#position) return;
    if (seq > this.#position.seq) return this.#again();
    this.#live = true;
    for (const member of this.members) member.onLive(this.#position.seq);
  }

  lag(from: number, to: number): void {
    if (!this.#synced) return;
    this.#live = false;
    for (const member of this.members) member.onLag(from, to);
  }

  reset(epoch: string, floor: number): void {
    const position = this.#position;
    if (!this.#synced || !position) return;
    if (position.epoch === "" && floor <= position.seq + 1) {
      this.#place({ epoch, seq: position.seq }, position.seq);
    } else if (position.epoch !== epoch) {
      this.#restart("epoch_changed", epoch, floor);
    } else if (floor > position.seq + 1) {
      this.#restart("expired", epoch, floor);
    }
  }

  #subscribe(): void {
    const session = this.#host.session();
    if (!session) return;
    const pass = ++this.#pass;
    this.#synced = false;
    this.#live = false;
    const { conversation } = this;
    const from = this.#position;
    let start = this.#start;
    if (from) {
      const cursor = cursorOf(from);
      start = cursor === undefined ? { tail: NEWBORN_TAIL } : { cursor };
    }
    session.request("subscribe", { conversation, ...start }, (outcome) => {
      if (pass === this.#pass) this.#replied(from, outcome);
    });
  }

  #replied(from: Position | undefined, outcome: Outcome<SubscribeReply>): void {
    if (outcome.error) return this.#refused(outcome.error);
    const { epoch, head, floor, recovered, reason } = outcome.value;
    this.#synced = true;
    const { cursor, tail } = this.#start;
    const asked = from ?? (cursor === undefined ? undefined : positionOf(cursor));
    if (!asked) {
      const seq = tail === undefined ? head : Math.max(floor - 1, head - tail, 0);
      this.#place({ epoch, seq }, head);
    } else if (asked.epoch === "" || (recovered && asked.epoch === epoch)) {
      this.#place({ epoch, seq: asked.seq }, head);
    } else {
      this.#position ??= asked;
      this.#restart(reason ?? "epoch_changed", epoch, floor);
      this.#place({ epoch, seq: Math.max(floor - 1, 0) }, head);
    }
  }

  #place(position: Position, head: number): void {
    this.#position = position;
    this.#head = head;
    for (const member of this.members) member.onPlaced(position, head);
  }

  #restart(reason: ResetReason, epoch: string, floor: number): void {
    this.#position = { epoch, seq: Math.max(floor - 1, 0) };
    for (const member of this.members) member.onRestart(reason, epoch, floor);
  }

  #refused(error: TidegateError): void {
    if (error.code === "disconnected") return;
    if (error.code === "already_subscribed") return this.#again();
    if (error.retriable) return this.#later(error.retryAfterMs ?? 0, () => this.#subscribe());
    for (const member of this.members) member.onFailed(error);
  }

  #again(): void {
    this.#pass++;
    this.#synced = false;
    this.#live = false;
    this.#host.session()?.request("unsubscribe", { conversation: this.conversation }, () => {});
    if (this.#stalls === 0) {
      this.#stalls = 1;
      this.#subscribe();
    } else this.#later(0, () => this.#subscribe());
  }

  /** Waits longer each time that nothing came of it. */
  #later(leastMs: number, run: () => void): void {
    const { clock, random, backoff } = this.#host;
    const waitMs = Math.max(leastMs, fullJitterMs(this.#stalls++, random.next(), backoff));
    this.#timer?.cancel();
    this.#timer = clock.after(waitMs, run);
  }
}
