import type { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { parseRedisUrl, type HostPort } from "./address.ts";
import type { ClientSettings } from "./client.ts";
import { ClusterRoutes } from "./cluster-routes.ts";
import { createRedisMetrics, type RedisMetrics } from "./metrics.ts";
import { Names, TAGS } from "./names.ts";
import { Node, type NodeEvents } from "./node.ts";

export interface RedisOptions {
  /** @see parseRedisUrl */
  readonly url: string;
  /** PEM of authorities to trust, for TLS. */
  readonly ca?: string | undefined;
  /** First part of every channel and key: what shares a Redis has to differ in it. */
  readonly prefix?: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
}

/** Who listens to a channel. */
export interface Hearer {
  /** @param bytes only of this call: they may be another message's later */
  hear(bytes: Buffer): void;
  /** What was heard so far has no connection with what comes. */
  cut(): void;
  /** It is not listened to any longer. */
  gone(): void;
}

interface Channel {
  readonly name: string;
  readonly tag: number;
  readonly hearer: Hearer;
  /** Redis has confirmed it on the present connection. */
  on: boolean;
  /** Somebody was told that it is heard. */
  promised: boolean;
  waiting: (() => void)[];
  /** Monotonic ms from which on it may go; undefined while it is wanted. */
  leftAt: number | undefined;
}

const INTERRUPTION_MS = 20;
const DEFAULT_PREFIX = "tg";

/** All connections of a process to Redis: one server, Sentinel's master, or the masters of a cluster. */
export class Fabric {
  readonly names: Names;
  readonly metrics: RedisMetrics;
  readonly #options: RedisOptions;
  readonly #settings: ClientSettings;
  readonly #interrupted: () => void;
  /** This process among all that use this Redis. */
  readonly id: string;
  readonly #channels = new Map<string, Channel>();
  /** By `host:port`; the only one has no name. */
  readonly #nodes = new Map<string, Node>();
  readonly #routes: ClusterRoutes | undefined;
  readonly #ticks: Timer;
  #joining: Channel[] | undefined;
  #interruption: Timer | undefined;
  #problem: AppError | undefined;
  #opened: (() => void)[] = [];
  #closed = false;
  #cuts = 0;

  /**
   * @param lanes channels of publications a partition has
   * @param interrupted something may have been missed
   * @throws RangeError for a URL or prefix that is none
   */
  constructor(options: RedisOptions, lanes: number, interrupted: () => void) {
    const { clock, random, limits, telemetry } = options;
    this.names = new Names(options.prefix ?? DEFAULT_PREFIX, lanes);
    this.metrics = createRedisMetrics(telemetry);
    this.#options = options;
    this.#interrupted = interrupted;
    this.id = random.uuidv7();
    this.#settings = {
      address: parseRedisUrl(options.url),
      ca: options.ca,
      connectTimeoutMs: limits.probeTimeoutMs,
      connectionName: "tidegate",
    };
    telemetry.gauge(
      { name: "tidegate_backplane_subscriptions", help: "Channels of Redis that are listened to" },
      () => this.#channels.size,
    );
    telemetry.gauge(
      {
        name: "tidegate_backplane_waiting_characters",
        help: "Characters that Redis has not answered for yet",
      },
      () => [...this.#nodes.values()].reduce((sum, node) => sum + node.waitingChars, 0),
    );
    if (this.#settings.address.mode === "cluster") {
      this.#routes = new ClusterRoutes(this.#settings, clock, {
        changed: () => this.#reroute(),
        refreshed: () => {
          for (const node of this.#nodes.values()) node.retry();
        },
        failed: (error) => this.#failed(error),
      });
      this.#routes.refresh();
    } else this.#addNode("", undefined, 0);
    this.#ticks = clock.every(limits.probeIntervalMs, () => this.#tick());
  }

  /** Why Redis cannot be used now; undefined when it can. */
  get problem(): AppError | undefined {
    return this.#problem;
  }

  /** Rises whenever a connection was lost or channels have moved. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Whether what is of this tag can be sent now. */
  isLive(tag: number): boolean {
    return this.#nodeOf(tag)?.live === true;
  }

  /** Resolves when every server is connected. */
  opened(): Promise<void> {
    if (this.#allLive()) return Promise.resolve();
    return new Promise((resolve) => this.#opened.push(resolve));
  }

  /** Sends, or drops and counts; bytes are copied. @param taken is told once whether Redis took it */
  send(
    tag: number,
    channel: string,
    text: string | Buffer,
    taken?: (isTaken: boolean) => void,
  ): void {
    const node = this.#nodeOf(tag);
    if (node !== undefined) return node.send(channel, text, taken);
    this.metrics.dropped.away.value++;
    taken?.(false);
  }

  /**
   * Resolves when the channel is heard; while Redis is away within a bounded time nevertheless, and
   * `interrupted` follows when it is heard.
   */
  listen(tag: number, name: string, hearer: Hearer): Promise<void> {
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      const leftAt = undefined;
      channel = { name, tag, hearer, on: false, promised: false, waiting: [], leftAt };
      this.#channels.set(name, channel);
      this.#nodeOf(tag)?.add(name);
    }
    channel.leftAt = undefined;
    if (channel.on) return Promise.resolve();
    if (this.#closed || this.#isAway(channel)) {
      channel.promised = true;
      return Promise.resolve();
    }
    const { waiting } = channel;
    const heard = new Promise<void>((resolve) => waiting.push(resolve));
    this.#limitWait(channel);
    return heard;
  }

  /** The channel may go when nobody has come back for a while. */
  leave(name: string): void {
    const channel = this.#channels.get(name);
    if (channel !== undefined) channel.leftAt = this.#options.clock.monotonic();
  }

  /** @throws what Redis says; backplane_unavailable without a connection */
  async command(tag: number, name: string, args: readonly string[]): Promise<unknown> {
    const node = this.#nodeOf(tag);
    if (node === undefined) throw this.#problem ?? new Error("the cluster is not known yet");
    return node.command(name, args);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ticks.cancel();
    this.#interruption?.cancel();
    this.#routes?.close();
    for (const node of this.#nodes.values()) node.close();
    this.#nodes.clear();
    for (const channel of this.#channels.values()) settle(channel);
    this.#channels.clear();
    for (const resolve of this.#opened.splice(0)) resolve();
  }

  #nodeOf(tag: number): Node | undefined {
    return this.#nodes.get(this.#routes === undefined ? "" : this.#routes.nodeOf(tag));
  }

  #addNode(key: string, hostPort: HostPort | undefined, tag: number): void {
    const { clock, random, limits } = this.#options;
    const { metrics } = this;
    const settings = this.#settings;
    const node = new Node(
      { settings, node: hostPort, clock, random, limits, metrics },
      this.#eventsOf(key),
    );
    this.#nodes.set(key, node);
    node.probeOn(this.names.probe(tag, this.id));
  }

  #eventsOf(key: string): NodeEvents {
    return {
      message: (name, bytes) => {
        this.metrics.heard.value++;
        this.#channels.get(name)?.hearer.hear(bytes);
      },
      subscribed: (names) => this.#subscribed(names),
      opened: () => this.#nodeOpened(),
      lost: (error) => {
        this.#cut((channel) => this.#keyOf(channel) === key);
        this.#failed(error);
      },
      failed: (error) => this.#failed(error),
      moved: () => {
        this.#cut((channel) => this.#keyOf(channel) === key);
        this.#nodes.get(key)?.doubt();
        this.#routes?.refresh();
      },
      misrouted: () => this.#routes?.refresh(),
    };
  }

  #keyOf(channel: Channel): string {
    return this.#routes === undefined ? "" : this.#routes.nodeOf(channel.tag);
  }

  #nodeOpened(): void {
    if (!this.#allLive()) return;
    if (this.#problem !== undefined)
      this.#options.telemetry.log("info", "Redis can be used again", {});
    this.#problem = undefined;
    for (const resolve of this.#opened.splice(0)) resolve();
  }

  #allLive(): boolean {
    if (this.#nodes.size === 0) return false;
    for (const node of this.#nodes.values()) if (!node.live) return false;
    return true;
  }

  #failed(error: AppError): void {
    // One line for each outage and each new reason, not for each try.
    if (this.#problem?.message !== error.message)
      this.#options.telemetry.log("warn", "Redis cannot be used", {
        code: error.code,
        error: error.message,
      });
    this.#problem = error;
    this.#routes?.refresh();
    for (const channel of this.#channels.values()) if (this.#isAway(channel)) settle(channel);
  }

  /** Whether the channel's server is known not to be there. */
  #isAway(channel: Channel): boolean {
    return this.#problem !== undefined && !this.isLive(channel.tag);
  }

  #subscribed(names: readonly string[]): void {
    let late = false;
    for (const name of names) {
      const channel = this.#channels.get(name);
      if (channel === undefined) continue;
      if (channel.promised && !channel.on) late = true;
      channel.on = true;
      settle(channel);
    }
    if (late) this.#interruptSoon();
  }

  /** These channels are not heard any more, until they are confirmed again. */
  #cut(which: (channel: Channel) => boolean): void {
    this.#cuts++;
    let promised = false;
    for (const channel of this.#channels.values()) {
      if (!which(channel)) continue;
      channel.on = false;
      channel.hearer.cut();
      promised ||= channel.promised;
    }
    if (promised) this.#interruptSoon();
  }

  /** Confirmations come in many commands: one interruption for those of a moment. */
  #interruptSoon(): void {
    this.#interruption ??= this.#options.clock.after(INTERRUPTION_MS, () => {
      this.#interruption = undefined;
      this.metrics.interruptions.value++;
      this.#interrupted();
    });
  }

  #limitWait(channel: Channel): void {
    if (this.#joining !== undefined) {
      this.#joining.push(channel);
      return;
    }
    const { clock, limits } = this.#options;
    const joining = [channel];
    this.#joining = joining;
    // Those of one turn share a timer.
    clock.defer(() => (this.#joining = undefined));
    clock.after(limits.joinWaitMs, () => {
      for (const one of joining) settle(one);
    });
  }

  #reroute(): void {
    const routes = this.#routes as ClusterRoutes;
    const tags = new Map<string, number>();
    for (let tag = 0; tag < TAGS; tag++) {
      const key = routes.nodeOf(tag);
      if (key !== "" && !tags.has(key)) tags.set(key, tag);
    }
    for (const [key, node] of this.#nodes) {
      if (tags.has(key)) continue;
      node.close();
      this.#nodes.delete(key);
    }
    for (const [key, tag] of tags) {
      const node = this.#nodes.get(key);
      if (node === undefined) this.#addNode(key, routes.hostPort(key), tag);
      else node.probeOn(this.names.probe(tag, this.id));
    }
    const moved = (channel: Channel): boolean =>
      routes.nodeOf(channel.tag) !== routes.nodeBefore(channel.tag);
    this.#cut(moved);
    for (const channel of this.#channels.values()) {
      if (moved(channel)) this.#nodes.get(routes.nodeBefore(channel.tag))?.remove(channel.name);
      this.#nodes.get(this.#keyOf(channel))?.add(channel.name);
    }
    this.#nodeOpened();
  }

  #tick(): void {
    const { clock, limits } = this.#options;
    const now = clock.monotonic();
    for (const [name, channel] of this.#channels) {
      if (channel.leftAt === undefined || now - channel.leftAt < limits.channelLingerMs) continue;
      this.#channels.delete(name);
      this.#nodeOf(channel.tag)?.remove(name);
      channel.hearer.gone();
    }
    for (const node of this.#nodes.values()) node.tick(now);
    this.#routes?.tick(now);
  }
}

/** Whoever waits goes on; what it then misses it learns by an interruption. */
function settle(channel: Channel): void {
  if (channel.waiting.length > 0) channel.promised = true;
  for (const resolve of channel.waiting.splice(0)) resolve();
}
