import type { Clock } from "../../ports/clock.ts";
import type { Cluster } from "./consumer-cluster.ts";
import type { BrokerLink } from "./consumer-link.ts";
import type { FetchFeed } from "./fetch-feed.ts";
import {
  fetchApi,
  type FetchAsk,
  type FetchedPartition,
  type FetchResponse,
} from "./fetch-protocol.ts";
import { stretchOf } from "./fetch-stretch.ts";
import { Signal } from "./group-signal.ts";

/** The partitions to fetch now, and when to ask again if there are none. */
export interface FetchTake {
  readonly feeds: readonly FetchFeed[];
  readonly againMs?: number;
}

export interface FetchLaneOptions {
  readonly node: number;
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** How long the broker may wait for records. */
  readonly waitMs: number;
  readonly answerTimeoutMs: number;
  readonly spacingMs: number;
  /** Added to the spacing for each partition of the fetch. */
  readonly spacingMsPerPartition: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  readonly take: () => FetchTake;
  readonly fetched: (feed: FetchFeed, part: FetchedPartition) => void;
  /** All partitions of an answer were told; more can be fetched. */
  readonly answered: () => void;
  readonly failed: (error: unknown) => void;
}

interface Sent {
  readonly feed: FetchFeed;
  readonly offset: number;
}

const NONE = 0;
const EPOCH_MAX = 0x7fff_ffff;
/** Each failure asks who leads now: partitions of a dead broker wait no longer for their next one. */
const RETRY_MS = { firstMs: 50, maxMs: 250 };

/**
 * One fetch after the other over one connection to one broker, in an incremental session (KIP-227):
 * a request names only what changed since the last one, an answer only what has news.
 */
export class FetchLane {
  readonly #options: FetchLaneOptions;
  readonly #signal: Signal;
  #link: BrokerLink | undefined;
  #sessionId = 0;
  #sessionEpoch = 0;
  /** What the broker's session holds, by partition. */
  #session = new Map<string, Sent>();
  #flight: ReadonlyMap<string, Sent> | undefined;
  #failures = 0;
  /** Bytes that the last answer brought. */
  #brought = 0;
  #closed = false;

  constructor(options: FetchLaneOptions) {
    this.#options = options;
    this.#signal = new Signal(options.clock);
    void this.#run();
  }

  /** There may be something to fetch. */
  wake(): void {
    this.#signal.raise();
  }

  close(): void {
    this.#closed = true;
    this.#land();
    if (this.#link !== undefined) this.#options.cluster.drop(this.#link);
    this.#signal.raise();
  }

  async #run(): Promise<void> {
    const { clock, spacingMs, spacingMsPerPartition } = this.#options;
    let lastSentAt = 0;
    while (!this.#closed) {
      const { feeds, againMs } = this.#options.take();
      if (feeds.length === 0) {
        await this.#signal.wait(againMs);
        continue;
      }
      const sentAt = clock.monotonic();
      const restMs = await this.#fetch(feeds);
      // A fetch and what follows it, publications and a beat for each partition, costs much the same
      // for one record and for a thousand.
      const stretch = stretchOf(this.#brought, sentAt - lastSentAt);
      const spacing = Math.max(spacingMs * stretch, feeds.length * spacingMsPerPartition);
      lastSentAt = sentAt;
      const pauseMs = Math.max(restMs, sentAt + spacing - clock.monotonic());
      if (pauseMs > 0 && !this.#closed) await this.#pause(pauseMs);
    }
  }

  /** @returns ms to wait before the next one */
  async #fetch(feeds: readonly FetchFeed[]): Promise<number> {
    const { answerTimeoutMs, cluster, failed, node, waitMs } = this.#options;
    const sent = new Map<string, Sent>();
    this.#brought = 0;
    for (const feed of feeds) {
      feed.flight = this;
      sent.set(feed.key, { feed, offset: feed.offset });
    }
    this.#flight = sent;
    try {
      this.#link ??= cluster.link(node, waitMs + answerTimeoutMs);
      if (this.#link === undefined) throw new Error(`broker ${node} is not known`);
      const answer = await this.#link.call(fetchApi, this.#request(sent));
      if (this.#closed) return 0;
      this.#land();
      this.#failures = 0;
      return this.#take(answer, sent);
    } catch (error) {
      this.#land();
      this.#forgetSession();
      // Where the broker is may have changed: the next link is made from what is known then.
      if (this.#link !== undefined) cluster.drop(this.#link);
      this.#link = undefined;
      if (this.#closed) return 0;
      failed(error);
      const { firstMs, maxMs } = RETRY_MS;
      return Math.min(maxMs, firstMs * 2 ** Math.min(this.#failures++, 10));
    }
  }

  #request(sent: ReadonlyMap<string, Sent>) {
    const fresh = this.#sessionId === NONE;
    const asks = new Map<string, FetchAsk[]>();
    const forgotten = new Map<string, number[]>();
    for (const [key, now] of sent) {
      const { feed, offset } = now;
      const known = this.#session.get(key);
      if (!fresh && known?.feed === feed && known.offset === offset) continue;
      push(asks, feed.topicId, { partition: feed.partition, offset });
      this.#session.set(key, now);
    }
    if (!fresh)
      for (const [key, { feed }] of this.#session)
        if (!sent.has(key)) {
          push(forgotten, feed.topicId, feed.partition);
          this.#session.delete(key);
        }
    return {
      maxWaitMs: this.#options.waitMs,
      maxBytes: this.#options.bytesMax,
      partitionMaxBytes: this.#options.partitionBytesMax,
      sessionId: this.#sessionId,
      sessionEpoch: this.#sessionEpoch,
      asks,
      forgotten,
    };
  }

  #take(answer: FetchResponse, sent: ReadonlyMap<string, Sent>): number {
    if (answer.code !== NONE) {
      // The session is not the broker's any more (evicted, restarted, a topic's id changed).
      this.#forgetSession();
      this.#options.failed(undefined);
      return RETRY_MS.firstMs;
    }
    this.#sessionId = answer.sessionId;
    if (answer.sessionId === NONE) this.#forgetSession();
    else this.#sessionEpoch = this.#sessionEpoch === EPOCH_MAX ? 1 : this.#sessionEpoch + 1;
    for (const part of answer.partitions) {
      this.#brought += part.bytes.length;
      const asked = sent.get(`${part.topicId}/${part.partition}`);
      if (asked === undefined || asked.feed.stopped || asked.feed.offset !== asked.offset) continue;
      this.#options.fetched(asked.feed, part);
    }
    this.#options.answered();
    return answer.throttleMs;
  }

  #land(): void {
    for (const { feed } of this.#flight?.values() ?? [])
      if (feed.flight === this) feed.flight = undefined;
    this.#flight = undefined;
  }

  #forgetSession(): void {
    this.#sessionId = 0;
    this.#sessionEpoch = 0;
    this.#session.clear();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
