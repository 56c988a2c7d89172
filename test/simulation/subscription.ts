import type { SubscribeReply } from "../../src/wire/frame.ts";
import { count } from "./stats.ts";
import type { World } from "./world.ts";

export type Start =
  | { readonly kind: "cursor"; readonly next: number }
  | { readonly kind: "tail"; readonly tail: number }
  | { readonly kind: "foreign epoch" }
  | { readonly kind: "future" };

/** More than any conversation of a run has. */
const ALL = 1_000;
const FUTURE = 5_000;
const FORGED = 0.03;

/**
 * What a reader knows of one conversation, from frames alone, and the proof that it was told
 * neither too much nor too little.
 */
export class Subscription {
  readonly conversation: string;
  readonly #world: World;
  readonly #tenant: string;
  readonly #who: string;
  /** What the client wants. */
  wanted = true;
  /** Whether the server may push: its reply has come, and none to an unsubscribe. */
  on = false;
  #epoch = "";
  /** The seq that has to come next; undefined: nothing was ever read. */
  #next: number | undefined;
  #start: Start | undefined;

  constructor(world: World, tenant: string, conversation: string, who: string) {
    this.#world = world;
    this.#tenant = tenant;
    this.conversation = conversation;
    this.#who = `${who} in ${conversation}`;
  }

  get next(): number | undefined {
    return this.#next;
  }

  /** Whether a subscribe command has no answer yet. */
  get opening(): boolean {
    return this.#start !== undefined;
  }

  /** The next subscribe command. */
  open(): { start: Start; body: string } {
    const name = JSON.stringify(this.conversation);
    const start = this.#chooseStart();
    this.#start = start;
    if (start.kind === "tail")
      return {
        start,
        body: `{"conversation":${name}${start.tail === 0 ? "" : `,"tail":${start.tail}`}}`,
      };
    const next = this.#next ?? 1;
    const cursor =
      start.kind === "foreign epoch"
        ? `foreign.${next}`
        : `${this.#epoch}.${start.kind === "future" ? next + FUTURE : next - 1}`;
    return { start, body: `{"conversation":${name},"cursor":"${cursor}"}` };
  }

  opened(reply: SubscribeReply, start: Start): void {
    const { epoch, head, floor, recovered, reason } = reply;
    const truth = this.#world.oracle.conversation(this.#tenant, this.conversation);
    if (this.#start === start) this.#start = undefined;
    this.on = true;
    if (epoch !== "" && epoch !== truth?.epoch)
      this.#fail(`epoch ${epoch} instead of ${truth?.epoch}`);
    if (head > (truth?.lines.length ?? 0)) this.#fail(`head ${head} is past the end of the log`);
    if (floor !== 1) this.#fail(`floor ${floor} where nothing was dropped`);
    if ((epoch === "") !== (head === 0)) this.#fail(`epoch "${epoch}" with head ${head}`);
    count(`subscribed: ${start.kind}`);
    switch (start.kind) {
      case "tail":
        if (!recovered) this.#fail("not recovered without a cursor");
        this.#next = Math.max(floor, head + 1 - start.tail);
        break;
      case "cursor":
        if (!recovered)
          this.#fail(`cursor at ${this.#next} not recovered: ${reason}, head ${head}`);
        if (epoch !== this.#epoch) this.#fail(`epoch ${epoch} after ${this.#epoch}`);
        // The cursor was right when it was sent; what came since comes again.
        this.#next = start.next;
        break;
      case "foreign epoch":
        if (recovered || reason !== "epoch_changed") this.#fail(`foreign epoch taken: ${reason}`);
        this.#next = floor;
        break;
      case "future":
        if (recovered || reason !== "ahead") this.#fail(`cursor from the future taken: ${reason}`);
        this.#next = head + 1;
    }
    this.#epoch = epoch;
  }

  refused(start: Start, code: string): void {
    if (this.#start === start) this.#start = undefined;
    if (code === "too_many_subscriptions") this.wanted = false;
  }

  /** The server has said that it pushes no more. */
  closed(): void {
    this.on = false;
  }

  /** The socket is gone. */
  down(): void {
    this.on = false;
    this.#start = undefined;
  }

  /** @param line the whole line of the push */
  event(seq: number, line: string): void {
    if (!this.on) this.#fail(`seq ${seq} was pushed without a subscription`);
    if (seq !== this.#next) this.#fail(`seq ${seq} was pushed where ${this.#next} had to come`);
    const truth = this.#world.oracle.conversation(this.#tenant, this.conversation);
    const event = truth?.lines[seq - 1];
    const wanted = `{"push":{"conversation":${JSON.stringify(this.conversation)},"seq":${seq},"event":${event}}}`;
    if (line !== wanted) this.#fail(`got ${line} where the log has ${wanted}`);
    this.#next = seq + 1;
  }

  live(seq: number): void {
    if (!this.on) this.#fail("live without a subscription");
    if (seq + 1 !== this.#next) this.#fail(`live at ${seq} where ${this.#next} comes next`);
    count("live");
  }

  lag(from: number, to: number): void {
    if (!this.on) this.#fail("lag without a subscription");
    if (from !== this.#next || to < from)
      this.#fail(`lag ${from}–${to} where ${this.#next} comes next`);
    count("lag");
  }

  reset(epoch: string, floor: number): void {
    // It may tell a conversation's first epoch to a reader who has seen nothing of it.
    if (this.#epoch !== "" || floor !== 1 || this.#next !== 1)
      this.#fail(`reset to ${epoch}.${floor} where ${this.#epoch}.${this.#next} comes next`);
    this.#epoch = epoch;
    count("epoch of a new conversation told");
  }

  /** The seq up to which the reader has everything, or why it has not. */
  behind(): string | undefined {
    const head =
      this.#world.oracle.conversation(this.#tenant, this.conversation)?.lines.length ?? 0;
    if (!this.on) return `${this.#who} is not subscribed`;
    return this.#next === head + 1 ? undefined : `${this.#who} waits for ${this.#next} of ${head}`;
  }

  #chooseStart(): Start {
    const { random } = this.#world;
    if (this.#next === undefined)
      return { kind: "tail", tail: random.pick([0, 0, 0, 1, 3, 20, ALL]) };
    // Subscribed before the first message, and gone before the epoch was told.
    if (this.#epoch === "") return { kind: "tail", tail: ALL };
    if (!this.#world.weather.healed && random.chance(FORGED))
      return { kind: random.pick(["foreign epoch", "future"]) };
    return { kind: "cursor", next: this.#next };
  }

  #fail(message: string): void {
    this.#world.broken("G3", `${this.#who}: ${message}`);
  }
}
