import type { Redis } from "ioredis";
import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { backoffMs } from "../../policy/backoff.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { HostPort } from "./address.ts";
import {
  abandonClient,
  checkServer,
  describeServer,
  openClient,
  type ClientSettings,
} from "./client.ts";
import { redisError } from "./error.ts";
import type { RedisMetrics } from "./metrics.ts";
import { PublishWire } from "./publish-wire.ts";

export interface NodeOptions {
  readonly settings: ClientSettings;
  /** A cluster's node; absent: the one server, or Sentinel's master. */
  readonly node: HostPort | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly metrics: RedisMetrics;
}

export interface NodeEvents {
  message(channel: string, bytes: Buffer): void;
  /** Heard from now on. */
  subscribed(channels: readonly string[]): void;
  opened(): void;
  /** The connection is gone, and with it all its subscriptions. */
  lost(error: AppError): void;
  /** It could not be opened; it is tried again. */
  failed(error: AppError): void;
  /** Channels that were heard here are another node's now; which ones is not said. */
  moved(): void;
  /** What was sent here is another node's now, or nobody's. */
  misrouted(): void;
}

/** Told once whether Redis took a message, if anybody asked. */
type Taken = ((isTaken: boolean) => void) | undefined;

const NAMES_AT_ONCE = 512;
const BACKOFF = { firstMs: 50, maxMs: 1_000 };

/**
 * One server: one connection, replaced whenever it ends or goes silent. A message to itself every
 * second proves that what is subscribed is heard; a socket alone proves nothing.
 */
export class Node {
  readonly #options: NodeOptions;
  readonly #events: NodeEvents;
  readonly #sharded: boolean;
  /** All that is to be heard here. */
  readonly #wanted = new Set<string>();
  /** Those that the present connection was asked for. */
  readonly #asked = new Set<string>();
  readonly #toAsk = new Set<string>();
  readonly #toLeave = new Set<string>();
  #client: Redis | undefined;
  readonly #wire: PublishWire;
  /** Of each message on the wire that is not sent yet. */
  #out: Taken[] = [];
  /** Their characters, without the node's own messages. */
  #outNew = 0;
  #outChars = 0;
  #attempts = 0;
  #retry: Timer | undefined;
  #scheduled = false;
  #probeChannel = "";
  #probes = 0;
  #probeSentAt: number | undefined;
  #silentSince = 0;
  #tickedAt = 0;
  #closed = false;

  constructor(options: NodeOptions, events: NodeEvents) {
    this.#options = options;
    this.#events = events;
    this.#sharded = options.settings.address.mode === "cluster";
    this.#wire = new PublishWire(this.#sharded);
    this.#open();
  }

  get live(): boolean {
    return this.#client !== undefined;
  }

  /** Characters that Redis has not answered for yet. */
  get waitingChars(): number {
    return this.#outChars;
  }

  /** Where the node sends itself messages; has to be on this node. */
  probeOn(channel: string): void {
    if (channel === this.#probeChannel) return;
    this.remove(this.#probeChannel);
    this.#probeChannel = channel;
    this.add(channel);
  }

  add(channel: string): void {
    this.#wanted.add(channel);
    // Who adds it waits for the word that it is heard, which was given before it was to be left.
    if (this.#toLeave.delete(channel)) this.#asked.delete(channel);
    if (this.#asked.has(channel)) return;
    this.#toAsk.add(channel);
    this.#schedule();
  }

  remove(channel: string): void {
    this.#wanted.delete(channel);
    this.#toAsk.delete(channel);
    if (!this.#asked.has(channel)) return;
    this.#toLeave.add(channel);
    this.#schedule();
  }

  /**
   * Sends at the end of this turn, with everything else of it; bytes are copied. Drops and counts what
   * cannot go.
   */
  send(channel: string, text: string | Buffer, taken?: (isTaken: boolean) => void): void {
    const { metrics, limits } = this.#options;
    const { dropped } = metrics;
    const isAway = this.#client === undefined;
    if (isAway || this.#outChars + text.length > limits.backplaneOutBytesMax) {
      (isAway ? dropped.away : dropped.full).value++;
      taken?.(false);
      return;
    }
    this.#wire.add(channel, text);
    this.#out.push(taken);
    this.#outNew += text.length;
    this.#outChars += text.length;
    this.#schedule();
  }

  /** @throws what Redis says; backplane_unavailable without a connection */
  async command(name: string, args: readonly string[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw new AppError("backplane_unavailable");
    return client.call(name, ...args);
  }

  /** Called every probe interval. */
  tick(now: number): void {
    const { limits } = this.#options;
    const late = now - this.#tickedAt > 2 * limits.probeIntervalMs;
    this.#tickedAt = now;
    const client = this.#client;
    if (client === undefined) return;
    // This process itself stood still: what came meanwhile is still to be read.
    if (late) this.#silentSince = now;
    if (now - this.#silentSince > limits.probeTimeoutMs) {
      this.#lose(client, new AppError("backplane_unavailable", "Redis at REDIS_URL is silent"));
      return;
    }
    this.#probe(now);
    this.#schedule();
    // A master that was made a replica still answers, but nobody hears what is published there.
    describeServer(client)
      .then((facts) => checkServer(facts, this.#options.settings.address.mode))
      .catch((error: unknown) => this.#lose(client, redisError(error)));
  }

  /** Whatever was subscribed may not be any more: {@link retry} asks for everything again. */
  doubt(): void {
    this.#forgetAsked();
  }

  /** Asks for what was refused or is in doubt. */
  retry(): void {
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) abandonClient(client);
    this.#drop();
  }

  #open(): void {
    const { settings, node } = this.#options;
    openClient(settings, node).then(
      (client) => {
        if (this.#closed) abandonClient(client);
        else this.#opened(client);
      },
      (error: unknown) => {
        if (this.#closed) return;
        this.#openLater();
        this.#events.failed(redisError(error));
      },
    );
  }

  #openLater(): void {
    const { clock, random } = this.#options;
    const delay = backoffMs(this.#attempts++, random.next(), BACKOFF);
    this.#retry = clock.after(delay, () => this.#open());
  }

  #opened(client: Redis): void {
    this.#client = client;
    this.#silentSince = this.#options.clock.monotonic();
    this.#tickedAt = this.#silentSince;
    client.on(
      this.#sharded ? "smessageBuffer" : "messageBuffer",
      (channel: Buffer, bytes: Buffer) => this.#message(channel.toString(), bytes),
    );
    client.on("moved", () => this.#events.moved());
    client.on("error", (error: unknown) => this.#lose(client, redisError(error)));
    client.on("close", () => this.#lose(client, redisError(new Error("connection closed"))));
    this.#events.opened();
    this.#flush();
  }

  #message(channel: string, bytes: Buffer): void {
    this.#silentSince = this.#options.clock.monotonic();
    if (channel !== this.#probeChannel) {
      this.#events.message(channel, bytes);
      return;
    }
    this.#attempts = 0;
    if (this.#probeSentAt === undefined || bytes.toString() !== String(this.#probes)) return;
    this.#options.metrics.roundTrip.observe((this.#silentSince - this.#probeSentAt) / 1_000);
    this.#probeSentAt = undefined;
  }

  #probe(now: number): void {
    if (this.#probeChannel === "") return;
    this.#probeSentAt = now;
    this.#wire.add(this.#probeChannel, String(++this.#probes));
    this.#out.push(undefined);
  }

  #lose(client: Redis, error: AppError): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    abandonClient(client);
    this.#forgetAsked();
    const { metrics } = this.#options;
    metrics.reconnects.value++;
    metrics.dropped.away.value += this.#out.length;
    this.#drop();
    this.#probeSentAt = undefined;
    this.#openLater();
    this.#events.lost(error);
  }

  #drop(): void {
    const out = this.#out;
    this.#out = [];
    this.#outNew = 0;
    this.#outChars = 0;
    this.#wire.clear();
    for (const taken of out) taken?.(false);
  }

  #schedule(): void {
    if (this.#scheduled || this.#client === undefined) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#subscribe(client);
    const out = this.#out;
    if (out.length === 0) return;
    const chars = this.#outNew;
    this.#out = [];
    this.#outNew = 0;
    const { metrics } = this.#options;
    metrics.messages.value += out.length;
    metrics.characters.value += chars;
    void this.#wire.send(client).then((faults) => this.#sent(client, chars, out, faults));
  }

  #sent(
    client: Redis,
    chars: number,
    out: readonly Taken[],
    faults: readonly (Error | undefined)[],
  ): void {
    const isPresent = client === this.#client;
    // What a server took whose connection is lost may have reached nobody.
    for (let i = 0; i < out.length; i++) out[i]?.(isPresent && faults[i] === undefined);
    if (!isPresent) return;
    this.#outChars -= chars;
    let refused: Error | undefined;
    for (const error of faults) {
      if (error === undefined) continue;
      this.#options.metrics.dropped.refused.value++;
      refused = error;
    }
    if (refused !== undefined) this.#refused(client, refused);
  }

  #refused(client: Redis, error: unknown): void {
    if (this.#sharded && /^(MOVED|CLUSTERDOWN|TRYAGAIN|ASK)/.test((error as Error).message))
      this.#events.misrouted();
    else this.#lose(client, redisError(error));
  }

  #subscribe(client: Redis): void {
    for (const names of this.#batches(this.#toAsk)) {
      for (const name of names) this.#asked.add(name);
      const asked = this.#sharded ? client.ssubscribe(...names) : client.subscribe(...names);
      asked.then(
        () => {
          if (client === this.#client) this.#subscribed(names);
        },
        (error: unknown) => {
          if (client !== this.#client) return;
          for (const name of names) this.#askLater(name);
          this.#refused(client, error);
        },
      );
    }
    for (const names of this.#batches(this.#toLeave)) {
      for (const name of names) this.#asked.delete(name);
      const left = this.#sharded ? client.sunsubscribe(...names) : client.unsubscribe(...names);
      left.catch((error: unknown) => {
        if (client === this.#client) this.#refused(client, error);
      });
    }
  }

  #forgetAsked(): void {
    this.#asked.clear();
    this.#toLeave.clear();
    for (const channel of this.#wanted) this.#toAsk.add(channel);
  }

  #askLater(channel: string): void {
    this.#asked.delete(channel);
    if (this.#wanted.has(channel)) this.#toAsk.add(channel);
  }

  /** Takes all of them, as commands take them. Sharded: one command's channels are of one slot. */
  #batches(channels: Set<string>): string[][] {
    if (channels.size === 0) return [];
    const groups = new Map<string, string[]>();
    for (const channel of channels) {
      const key = this.#sharded ? channel.slice(0, channel.indexOf("}")) : "";
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [channel]);
      else group.push(channel);
    }
    channels.clear();
    const batches: string[][] = [];
    for (const names of groups.values())
      for (let i = 0; i < names.length; i += NAMES_AT_ONCE)
        batches.push(names.slice(i, i + NAMES_AT_ONCE));
    return batches;
  }

  #subscribed(names: readonly string[]): void {
    if (names.includes(this.#probeChannel)) {
      this.#probe(this.#options.clock.monotonic());
      this.#schedule();
    }
    this.#events.subscribed(names);
  }
}
