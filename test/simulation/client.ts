import { ERROR_TABLE, type ErrorCode } from "../../src/errors.ts";
import { Link, type LinkOwner } from "./link.ts";
import type { Message, Try } from "./message.ts";
import { frameOf, type HistoryAnswer, type ServerLine } from "./server-line.ts";
import { count } from "./stats.ts";
import type { Start, Subscription } from "./subscription.ts";
import type { World } from "./world.ts";

type Pending =
  | { readonly verb: "connect" | "refresh" | "invalid" }
  | { readonly verb: "send"; readonly attempt: Try }
  | { readonly verb: "subscribe"; readonly subscription: Subscription; readonly start: Start }
  | { readonly verb: "unsubscribe"; readonly subscription: Subscription }
  | { readonly verb: "history"; readonly conversation: string };

const SLOW_CAPACITY = 600;
const CAPACITY = 6_000;

/** A client that follows the protocol as its documents say it, and checks every word that it hears. */
export class SimClient implements LinkOwner {
  readonly name: string;
  readonly tenant: string;
  readonly user: string;
  readonly subscriptions = new Map<string, Subscription>();
  readonly messages: Message[] = [];
  readDelayMs = 0;
  /** Answers no heartbeats. */
  mute = false;
  link: Link | undefined;
  ready = false;
  readonly #world: World;
  readonly #unanswered = new Map<number, Pending>();
  #lastId = 0;

  constructor(world: World, tenant: string, user: string) {
    this.#world = world;
    this.tenant = tenant;
    this.user = user;
    this.name = `${tenant}/${user}`;
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }

  /** Opens a socket, says who it is, and takes up its subscriptions. */
  connect(silent = false): void {
    const world = this.#world;
    const { random } = world;
    const host = world.gateways.length > 0 ? random.pick(world.gateways) : undefined;
    const gateway = host?.gateway;
    if (this.link !== undefined || host === undefined || gateway === undefined) return;
    const refused = gateway.refusesSockets();
    if (refused !== undefined) return count(`socket refused: ${refused.code}`);
    this.readDelayMs = random.chance(world.profile.slowClients) ? random.between(5, 120) : 0;
    const capacity = random.chance(world.profile.slowClients) ? SLOW_CAPACITY : CAPACITY;
    this.mute = silent;
    world.trace.add("connect", this.name, host.name);
    this.link = new Link(world, host, gateway, this, capacity);
    if (silent) return;
    const lines = [this.command({ verb: "connect" }, `"connect":{"token":"${this.#token()}"}`)];
    for (const subscription of this.subscriptions.values())
      if (subscription.wanted && random.chance(0.8)) lines.push(this.subscribeLine(subscription));
    this.#say(lines);
  }

  /** The client itself ends its socket. */
  disconnect(silent: boolean): void {
    this.#world.trace.add(silent ? "vanish" : "disconnect", this.name);
    this.link?.leave(silent);
    this.#lost();
  }

  ended(code: number, reason: string): void {
    this.#world.trace.add("closed", this.name, code, reason);
    this.#lost();
  }

  say(line: string): void {
    if (this.ready) this.#say([line]);
  }

  sayAll(lines: readonly string[]): void {
    if (this.ready) this.#say(lines);
  }

  command(pending: Pending, body: string): string {
    const id = ++this.#lastId;
    this.#unanswered.set(id, pending);
    return `{"id":${id},${body}}`;
  }

  sendLine(parts: Pick<Try, "message" | "attempt" | "content">): string {
    const attempt: Try = {
      ...parts,
      link: this.link,
      sentAt: ++this.#world.moment,
      blind: this.link?.mayBeBlind ?? false,
    };
    const { message, content } = attempt;
    const number = attempt.attempt === undefined ? "" : `,"attempt":${attempt.attempt}`;
    message.tries.push(attempt);
    const body = `{"conversation":"${message.conversation}","key":"${message.key}"${number},"content":${content}}`;
    return this.command({ verb: "send", attempt }, `"send":${body}`);
  }

  subscribeLine(subscription: Subscription): string {
    const { start, body } = subscription.open();
    return this.command({ verb: "subscribe", subscription, start }, `"subscribe":${body}`);
  }

  unsubscribeLine(subscription: Subscription): string {
    const body = `"unsubscribe":{"conversation":"${subscription.conversation}"}`;
    return this.command({ verb: "unsubscribe", subscription }, body);
  }

  /** What the client lacks at the end, or undefined. */
  lacks(): string | undefined {
    if (!this.ready) return `${this.name} is not connected`;
    if (this.#unanswered.size > 0)
      return `${this.name} has no answer to ${[...this.#unanswered.values()][0]?.verb}`;
    if (this.messages.some((message) => !message.settled)) return `${this.name} has no receipt`;
    for (const subscription of this.subscriptions.values()) {
      const behind = subscription.wanted ? subscription.behind() : undefined;
      if (behind !== undefined) return behind;
    }
    return undefined;
  }

  received(text: string): void {
    for (const line of text.split("\n")) {
      if (line === "{}") {
        if (!this.mute) this.link?.put("{}");
      } else this.#hear(frameOf(line), line);
    }
  }

  #say(lines: readonly string[]): void {
    this.link?.put(lines.join("\n"));
  }

  #token(): string {
    const { scheduler, random } = this.#world;
    const end = random.chance(0.1)
      ? String(Math.floor(scheduler.wall / 1_000) + 2 + random.int(4))
      : "-";
    return `${this.tenant} ${this.user} ${end}`;
  }

  refresh(): void {
    this.say(this.command({ verb: "refresh" }, `"refresh":{"token":"${this.#token()}"}`));
  }

  #lost(): void {
    this.link = undefined;
    this.ready = false;
    this.#unanswered.clear();
    for (const subscription of this.subscriptions.values()) subscription.down();
  }

  #hear(line: ServerLine, text: string): void {
    const { push } = line;
    if (push !== undefined) return this.#push(push, text);
    const pending = this.#unanswered.get(line.id);
    if (pending === undefined)
      return this.#world.broken("protocol", `${this.name}: no question for ${text}`);
    this.#unanswered.delete(line.id);
    if (line.error !== undefined) return this.#refused(pending, line.error, text);
    switch (pending.verb) {
      case "connect":
        this.ready = true;
        break;
      case "send":
        this.#receipt(pending.attempt, line, text);
        break;
      case "subscribe":
        if (line.subscribe === undefined) return this.#wrong(text);
        this.#world.trace.add("subscribed", this.name, text);
        pending.subscription.opened(line.subscribe, pending.start);
        break;
      case "unsubscribe":
        pending.subscription.closed();
        break;
      case "history":
        if (line.history === undefined) return this.#wrong(text);
        this.#history(pending.conversation, line.history);
        break;
      case "refresh":
        count("token refreshed");
        break;
      case "invalid":
        this.#wrong(text);
    }
  }

  #receipt(attempt: Try, line: ServerLine, text: string): void {
    const { send } = line;
    const isKept = send?.durability === "outbox";
    if (send === undefined || (send.at === undefined) !== isKept) return this.#wrong(text);
    if (isKept && !this.#world.profile.outbox) return this.#wrong(text);
    const { message } = attempt;
    count(isKept ? "receipt from the outbox" : "receipt");
    if (message.tries.length > 1) count("receipt of a later try");
    attempt.receiptAt = ++this.#world.moment;
    attempt.receipt = {
      message: send.message,
      at: send.at && { partition: send.at.partition, offset: Number(send.at.offset) },
    };
    this.#world.trace.add("receipt", this.name, message.conversation, message.key, attempt.receipt);
    if (attempt.content === message.content) message.settled = true;
  }

  #refused(pending: Pending, error: { code: string; retriable: boolean }, text: string): void {
    count(`error ${pending.verb}: ${error.code}`);
    const row = ERROR_TABLE[error.code as ErrorCode];
    if (row === undefined || row.retriable !== error.retriable) this.#wrong(text);
    if (error.code === "internal") this.#world.broken("error", `${this.name}: ${text}`);
    if (pending.verb === "subscribe") pending.subscription.refused(pending.start, error.code);
    if (pending.verb === "send" && !error.retriable) this.#wrong(text);
  }

  #push(push: NonNullable<ServerLine["push"]>, text: string): void {
    if (push.refused !== undefined) {
      const { key } = push.refused;
      const message = this.messages.find((one) => one.key === key);
      // Another connection of the same user may have sent it.
      if (message === undefined) return this.#wrong(text);
      count("refused push");
      message.refused = true;
      return;
    }
    if (push.reconnect !== undefined) return count("reconnect push");
    const about = push.live ?? push.lag ?? push.reset ?? push;
    const name = about.conversation;
    const subscription = name === undefined ? undefined : this.subscriptions.get(name);
    if (subscription === undefined) return this.#wrong(text);
    if (push.live !== undefined) subscription.live(push.live.seq);
    else if (push.lag !== undefined) subscription.lag(push.lag.from, push.lag.to);
    else if (push.reset !== undefined) subscription.reset(push.reset.epoch, push.reset.floor);
    else if (push.seq !== undefined) subscription.event(push.seq, text);
  }

  #history(conversation: string, { epoch, head, floor, more, events }: HistoryAnswer): void {
    count("history");
    const truth = this.#world.oracle.conversation(this.tenant, conversation);
    const length = truth?.lines.length ?? 0;
    if (head > length || floor !== 1 || (epoch !== "" && epoch !== truth?.epoch))
      this.#world.broken("G2", `${this.name}: history of ${conversation} at ${epoch}.${head}`);
    let last = events[0]?.seq ?? 0;
    for (const { seq, event } of events) {
      const same =
        JSON.stringify(event) === JSON.stringify(JSON.parse(truth?.lines[seq - 1] ?? "0"));
      if (seq !== last++ || !same || seq > head)
        this.#world.broken("G2", `${this.name}: history of ${conversation} has a wrong ${seq}`);
    }
    if (events.length === 0 && more)
      this.#world.broken("G2", `${this.name}: an empty page with more`);
  }

  #wrong(text: string): void {
    this.#world.broken("protocol", `${this.name}: ${text}`);
  }
}
