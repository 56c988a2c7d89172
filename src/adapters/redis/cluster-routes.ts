import type { AppError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { HostPort } from "./address.ts";
import { abandonClient, openClient, type ClientSettings } from "./client.ts";
import { readClusterMap } from "./cluster-map.ts";
import { redisError } from "./error.ts";

export interface RouteEvents {
  changed(): void;
  /** The cluster has answered, changed or not. */
  refreshed(): void;
  failed(error: AppError): void;
}

/** After a change the nodes need a moment to agree: not asked more often than this. */
const REFRESH_MS = 200;
const REFRESH_ALWAYS_MS = 10_000;
const ASKED_AT_ONCE = 3;

/** Which node of a cluster has which tag, as the cluster says and keeps saying. */
export class ClusterRoutes {
  readonly #settings: ClientSettings;
  readonly #clock: Clock;
  readonly #events: RouteEvents;
  readonly #known = new Map<string, HostPort>();
  #nodes: readonly string[] = [];
  #before: readonly string[] = [];
  #refreshing = false;
  #timer: Timer | undefined;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #asks = 0;
  #closed = false;

  constructor(settings: ClientSettings, clock: Clock, events: RouteEvents) {
    this.#settings = settings;
    this.#clock = clock;
    this.#events = events;
  }

  /** `host:port`, or "" when no node has the tag. */
  nodeOf(tag: number): string {
    return this.#nodes[tag] ?? "";
  }

  /** The same before the last change. */
  nodeBefore(tag: number): string {
    return this.#before[tag] ?? "";
  }

  hostPort(key: string): HostPort | undefined {
    return this.#known.get(key);
  }

  /** Asks the cluster soon. */
  refresh(): void {
    if (this.#refreshing || this.#timer !== undefined || this.#closed) return;
    const wait = Math.max(0, this.#refreshedAt + REFRESH_MS - this.#clock.monotonic());
    this.#timer = this.#clock.after(wait, () => {
      this.#timer = undefined;
      this.#refreshing = true;
      this.#ask().then(
        (map) =>
          this.#refreshed(() => {
            this.#take(map);
            this.#events.refreshed();
          }),
        (error: unknown) => this.#refreshed(() => this.#events.failed(redisError(error))),
      );
    });
  }

  #refreshed(then: () => void): void {
    this.#refreshing = false;
    this.#refreshedAt = this.#clock.monotonic();
    if (!this.#closed) then();
  }

  tick(now: number): void {
    if (now - this.#refreshedAt > REFRESH_ALWAYS_MS || this.#nodes.length === 0) this.refresh();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  /** A few at once, others each time: one that hangs or stands alone must not be the only one asked. */
  async #ask(): Promise<(HostPort | undefined)[]> {
    const nodes = [...this.#known.values(), ...this.#settings.address.hosts];
    const from = this.#asks++ % nodes.length;
    const some = [...nodes.slice(from), ...nodes.slice(0, from)].slice(0, ASKED_AT_ONCE);
    try {
      return await Promise.any(some.map((node) => this.#askNode(node)));
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    }
  }

  /** On a connection of its own: those in use may be the ones that hang. */
  async #askNode(node: HostPort): Promise<(HostPort | undefined)[]> {
    const client = await openClient(this.#settings, node);
    const timer = this.#clock.after(this.#settings.connectTimeoutMs, () => abandonClient(client));
    try {
      return readClusterMap(await client.call("CLUSTER", "SLOTS"), node);
    } finally {
      timer.cancel();
      abandonClient(client);
    }
  }

  #take(map: readonly (HostPort | undefined)[]): void {
    const nodes = map.map((node) => {
      if (node === undefined) return "";
      const key = `${node.host}:${node.port}`;
      this.#known.set(key, node);
      return key;
    });
    if (nodes.every((key, tag) => key === this.#nodes[tag])) return;
    this.#before = this.#nodes;
    this.#nodes = nodes;
    this.#events.changed();
    this.#before = nodes;
    for (const key of this.#known.keys()) if (!nodes.includes(key)) this.#known.delete(key);
  }
}
