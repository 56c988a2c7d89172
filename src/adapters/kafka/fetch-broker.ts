import type { Clock } from "../../ports/clock.ts";
import type { Cluster } from "./consumer-cluster.ts";
import type { FetchBudget, FetchFeed } from "./fetch-feed.ts";
import { FetchLane, type FetchLaneOptions } from "./fetch-lane.ts";
import type { FetchedPartition } from "./fetch-protocol.ts";

export interface FetchBrokerOptions {
  readonly node: number;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly budget: FetchBudget;
  readonly answerTimeoutMs: number;
  readonly waitMs: number;
  readonly spacingMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  readonly fetched: (feed: FetchFeed, part: FetchedPartition) => void;
  readonly answered: () => void;
  readonly failed: (error: unknown) => void;
}

/** A busy partition's fetch returns so soon, so that one which became busy need not wait long. */
const HOT_WAIT_MS = 20;
/** Without records for so long, a partition counts as quiet. */
const HOT_MS = 1_000;
const BUDGET_RETRY_MS = 10;

/**
 * Fetches from one broker over two lanes: one for partitions that had records lately (or just began,
 * or were resumed), one for the quiet ones. A broker looks at every partition of every fetch, so
 * thousands of quiet ones must not be asked for each time that a busy one has a record; and a long
 * wait for quiet ones does not delay those that begin.
 */
export class FetchBroker {
  readonly #options: FetchBrokerOptions;
  readonly #feeds = new Set<FetchFeed>();
  readonly #hot = new Set<FetchFeed>();
  readonly #hotLane: FetchLane;
  readonly #quietLane: FetchLane;

  constructor(options: FetchBrokerOptions) {
    this.#options = options;
    const { waitMs } = options;
    this.#hotLane = this.#lane(Math.min(HOT_WAIT_MS, waitMs));
    this.#quietLane = this.#lane(waitMs);
  }

  get size(): number {
    return this.#feeds.size;
  }

  /** Adds a partition, or looks again at one that changed. */
  add(feed: FetchFeed): void {
    this.#feeds.add(feed);
    if (feed.hungry) this.heat(feed);
  }

  /** What is still on its way for it is dropped. */
  remove(feed: FetchFeed): void {
    this.#feeds.delete(feed);
    this.#hot.delete(feed);
    feed.flight = undefined;
  }

  /** The partition is busy. */
  heat(feed: FetchFeed): void {
    feed.hotUntil = this.#options.clock.monotonic() + HOT_MS;
    this.#hot.add(feed);
    this.#hotLane.wake();
  }

  close(): void {
    this.#hotLane.close();
    this.#quietLane.close();
    for (const feed of this.#feeds) feed.flight = undefined;
  }

  #lane(waitMs: number): FetchLane {
    const options: FetchLaneOptions = {
      ...this.#options,
      waitMs,
      take: (lane) => this.#take(lane),
      fetched: (feed, part) => {
        // A partition that moved to another broker meanwhile is fetched there.
        if (this.#feeds.has(feed)) this.#options.fetched(feed, part);
      },
      answered: () => {
        this.#hotLane.wake();
        this.#options.answered();
      },
    };
    return new FetchLane(options);
  }

  #take(lane: FetchLane): { feeds: readonly FetchFeed[]; againMs?: number } {
    const { budget, clock } = this.#options;
    if (budget.spent) return { feeds: [], againMs: BUDGET_RETRY_MS };
    const now = clock.monotonic();
    const isHot = lane === this.#hotLane;
    const feeds: FetchFeed[] = [];
    let again = Number.POSITIVE_INFINITY;
    for (const feed of isHot ? this.#hot : this.#feeds) {
      if (isHot && feed.hotUntil <= now) {
        this.#hot.delete(feed);
        this.#quietLane.wake();
      } else if (!isHot && this.#hot.has(feed)) continue;
      else if (!feed.hungry || feed.flight !== undefined) continue;
      else if (feed.heldUntil > now) again = Math.min(again, feed.heldUntil - now);
      else feeds.push(feed);
    }
    return feeds.length > 0 || again === Number.POSITIVE_INFINITY
      ? { feeds }
      : { feeds, againMs: again };
  }
}
