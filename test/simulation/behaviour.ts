import type { SimClient } from "./client.ts";
import { contentOf, type Message } from "./message.ts";
import type { SeededRandom } from "./random.ts";
import { count } from "./stats.ts";
import { Subscription } from "./subscription.ts";
import type { World } from "./world.ts";

type Action = (client: SimClient) => void;

/** What clients do of their own accord, one thing at a time. */
export class Behaviour {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #actions: readonly (readonly [number, Action])[];
  readonly #total: number;
  #counter = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random;
    this.#actions = [
      [40, (client) => client.say(this.#sendNew(client))],
      [8, (client) => client.sayAll([1, 2, 3, 4, 5].map(() => this.#sendNew(client)))],
      [12, (client) => this.#retryUnsettled(client)],
      [8, (client) => this.#retryOld(client)],
      [4, (client) => this.#repeatFirstTry(client)],
      [4, (client) => this.#conflict(client)],
      [12, (client) => this.#subscribe(client)],
      [3, (client) => this.#unsubscribe(client)],
      [2, (client) => this.#subscribeBriefly(client)],
      [2, (client) => this.#subscribeAnew(client)],
      [5, (client) => this.#history(client)],
      [1, (client) => client.refresh()],
      [1, (client) => client.say(client.command({ verb: "invalid" }, '"dance":{}'))],
      [2, (client) => client.disconnect(false)],
      [1, (client) => client.disconnect(true)],
      [2, (client) => this.#stall(client)],
      [1, (client) => this.#muteFor(client)],
    ];
    this.#total = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
  }

  act(client: SimClient): void {
    if (client.link === undefined) {
      client.connect(this.#random.chance(0.03));
      return;
    }
    if (!client.ready) return;
    let at = this.#random.next() * this.#total;
    for (const [weight, action] of this.#actions) {
      at -= weight;
      if (at < 0) return action(client);
    }
  }

  /** Everything that is needed for all to come to rest; said again until it is true. */
  settle(client: SimClient): void {
    client.mute = false;
    client.readDelayMs = 0;
    client.link?.wake();
    if (client.link === undefined) return client.connect();
    if (!client.ready || client.unanswered > 0) return;
    const lines: string[] = [];
    for (const message of client.messages)
      if (!message.settled && lines.length < 3) lines.push(this.#retry(client, message));
    for (const subscription of client.subscriptions.values())
      if (subscription.wanted && !subscription.on && lines.length < 4)
        lines.push(client.subscribeLine(subscription));
    if (lines.length > 0) client.sayAll(lines);
  }

  #conversation(): string {
    const { conversations } = this.#world.profile;
    // A few are busy, most are not: heads leave memory and come back.
    return this.#random.chance(0.5)
      ? this.#random.pick(conversations.slice(0, 2))
      : this.#random.pick(conversations);
  }

  #content(client: SimClient): string {
    const length = this.#random.chance(0.05) ? 400 : this.#random.int(60);
    return contentOf(client.tenant, ++this.#counter, this.#random.int(6), length);
  }

  #sendNew(client: SimClient): string {
    const message: Message = {
      conversation: this.#conversation(),
      key: this.#random.uuidv7(),
      content: this.#content(client),
      tries: [],
      attempts: 1,
      dishonest: false,
      conflicting: false,
      settled: false,
      refused: false,
    };
    client.messages.push(message);
    const attempt = this.#random.chance(0.1) ? undefined : 1;
    return client.sendLine({ message, attempt, content: message.content });
  }

  #retry(client: SimClient, message: Message): string {
    message.attempts++;
    count("retry");
    const attempt = this.#random.chance(0.2) ? undefined : message.attempts;
    return client.sendLine({ message, attempt, content: message.content });
  }

  #pick(client: SimClient, which: (message: Message) => boolean): Message | undefined {
    const some = client.messages.filter(which);
    return some.length === 0 ? undefined : this.#random.pick(some);
  }

  #retryUnsettled(client: SimClient): void {
    const message = this.#pick(client, (one) => !one.settled);
    if (message !== undefined) client.say(this.#retry(client, message));
  }

  #retryOld(client: SimClient): void {
    const message = this.#pick(client, (one) => one.settled);
    if (message === undefined) return;
    count("retry of what was acked long ago");
    client.say(this.#retry(client, message));
  }

  #repeatFirstTry(client: SimClient): void {
    const message = this.#pick(client, (one) => one.settled);
    if (message === undefined) return;
    message.dishonest = true;
    count("second first try");
    client.say(client.sendLine({ message, attempt: 1, content: message.content }));
  }

  #conflict(client: SimClient): void {
    const message = this.#pick(client, () => true);
    if (message === undefined) return;
    message.conflicting = true;
    count("equal key with other content");
    const first = this.#random.chance(0.3);
    if (first) message.dishonest = true;
    const attempt = first ? 1 : ++message.attempts;
    client.say(client.sendLine({ message, attempt, content: this.#content(client) }));
  }

  #subscribe(client: SimClient): void {
    const conversation = this.#conversation();
    let subscription = client.subscriptions.get(conversation);
    if (subscription === undefined) {
      subscription = new Subscription(this.#world, client.tenant, conversation, client.name);
      client.subscriptions.set(conversation, subscription);
    }
    if (subscription.opening) return;
    subscription.wanted = true;
    client.say(client.subscribeLine(subscription));
  }

  #some(client: SimClient, on: boolean): Subscription | undefined {
    const some = [...client.subscriptions.values()].filter((one) => one.on === on && !one.opening);
    return some.length === 0 ? undefined : this.#random.pick(some);
  }

  #unsubscribe(client: SimClient): void {
    const subscription = this.#some(client, true);
    if (subscription === undefined) return;
    subscription.wanted = false;
    client.say(client.unsubscribeLine(subscription));
  }

  #subscribeBriefly(client: SimClient): void {
    const subscription = this.#some(client, false);
    if (subscription === undefined) return;
    count("unsubscribed while opening");
    const lines = [client.subscribeLine(subscription), client.unsubscribeLine(subscription)];
    subscription.wanted = this.#random.chance(0.5);
    if (subscription.wanted) lines.push(client.subscribeLine(subscription));
    client.sayAll(lines);
  }

  #subscribeAnew(client: SimClient): void {
    const subscription = this.#some(client, true);
    if (subscription === undefined) return;
    count("unsubscribed and subscribed at once");
    client.sayAll([client.unsubscribeLine(subscription), client.subscribeLine(subscription)]);
  }

  #history(client: SimClient): void {
    const conversation = this.#conversation();
    const limit = this.#random.chance(0.5) ? `,"limit":${1 + this.#random.int(5)}` : "";
    const body = `"history":{"conversation":"${conversation}"${limit}}`;
    client.say(client.command({ verb: "history", conversation }, body));
  }

  #stall(client: SimClient): void {
    const { link } = client;
    if (link === undefined) return;
    count("socket stalled");
    link.stall();
    const ms = this.#random.chance(0.2) ? 9_000 : this.#random.between(50, 1_500);
    this.#world.scheduler.after(ms, () => link.wake());
  }

  #muteFor(client: SimClient): void {
    client.mute = true;
    this.#world.scheduler.after(this.#random.between(1_000, 12_000), () => (client.mute = false));
  }
}
