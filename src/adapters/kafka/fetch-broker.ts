import type { Clock } from "../../ports/clock.ts";
import type { Cluster } from "./consumer-cluster.ts";
import type { FetchBudget, FetchFeed } from "./fetch-feed.ts";
import { FetchLane, type FetchLaneOptions, type FetchTake } from "./fetch-lane.ts";
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

/** Partitions of one lane of quiet ones, and how many such lanes there may be. */
const QUIET_LANE_PARTITIONS = 500;
const QUIET_LANES_MAX = 8;
/** A broker looks at every partition of a fetch, also when nothing of it is new. */
const SPACING_MS_PER_PARTITION = { hot: 0.03, quiet: 0.06 };

interface QuietGroup {
  readonly feeds: Set<FetchFeed>;
  readonly lane: FetchLane;
}

/**
 * Fetches from one broker over several lanes: one for partitions that had records lately (or just
 * began, or were resumed), the others for the quiet ones. A broker looks at every partition of every
 * fetch, so thousands of quiet ones must not be asked for each time that a busy one has a record, nor
 * all of them when one of them gets a record; and a long wait for quiet ones does not delay those
 * that begin.
 */
export class FetchBroker {
  readonly #options: FetchBrokerOptions;
  readonly #groups = new Map<FetchFeed, QuietGroup>();
  readonly #quiet: QuietGroup[] = [];
  readonly #hot = new Set<FetchFeed>();
  readonly #hotLane: FetchLane;

  constructor(options: FetchBrokerOptions) {
    this.#options = options;
    this.#hotLane = this.#lane({
      waitMs: Math.min(HOT_WAIT_MS, options.waitMs),
      spacingMsPerPartition: SPACING_MS_PER_PARTITION.hot,
      take: () => this.#takeHot(),
    });
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Adds a partition, or looks again at one that changed. */
  add(feed: FetchFeed): void {
    if (!this.#groups.has(feed)) {
      const group = this.#roomiest();
      group.feeds.add(feed);
      this.#groups.set(feed, group);
    }
    if (feed.hungry) this.heat(feed);
  }

  /** What is still on its way for it is dropped. */
  remove(feed: FetchFeed): void {
    this.#groups.get(feed)?.feeds.delete(feed);
    this.#groups.delete(feed);
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
    for (const { lane } of this.#quiet) lane.close();
  }

  #roomiest(): QuietGroup {
    const found = this.#quiet.reduce<QuietGroup | undefined>(
      (best, group) => (best === undefined || group.feeds.size < best.feeds.size ? group : best),
      undefined,
    );
    const isFull = found === undefined || found.feeds.size >= QUIET_LANE_PARTITIONS;
    if (!isFull || this.#quiet.length === QUIET_LANES_MAX) return found as QuietGroup;
    const feeds = new Set<FetchFeed>();
    const lane = this.#lane({
      waitMs: this.#options.waitMs,
      spacingMsPerPartition: SPACING_MS_PER_PARTITION.quiet,
      take: () => this.#takeQuiet(feeds),
    });
    const group = { feeds, lane };
    this.#quiet.push(group);
    return group;
  }

  #lane(own: Pick<FetchLaneOptions, "waitMs" | "spacingMsPerPartition" | "take">): FetchLane {
    return new FetchLane({
      ...this.#options,
      ...own,
      fetched: (feed, part) => {
        // A partition that moved to another broker meanwhile is fetched there.
        if (this.#groups.has(feed)) this.#options.fetched(feed, part);
      },
      answered: () => {
        this.#hotLane.wake();
        this.#options.answered();
      },
    });
  }

  #takeHot(): FetchTake {
    const now = this.#options.clock.monotonic();
    for (const feed of this.#hot) {
      if (feed.hotUntil > now) continue;
      this.#hot.delete(feed);
      this.#groups.get(feed)?.lane.wake();
    }
    return this.#due(this.#hot, now);
  }

  #takeQuiet(feeds: ReadonlySet<FetchFeed>): FetchTake {
    return this.#due(feeds, this.#options.clock.monotonic(), this.#hot);
  }

  #due(
    candidates: ReadonlySet<FetchFeed>,
    now: number,
    except: ReadonlySet<FetchFeed> = new Set(),
  ): FetchTake {
    if (this.#options.budget.spent) return { feeds: [], againMs: BUDGET_RETRY_MS };
    const feeds: FetchFeed[] = [];
    let again = Number.POSITIVE_INFINITY;
    for (const feed of candidates) {
      if (!feed.hungry || feed.flight !== undefined || except.has(feed)) continue;
      if (feed.heldUntil > now) again = Math.min(again, feed.heldUntil - now);
      else feeds.push(feed);
    }
    return feeds.length > 0 || again === Number.POSITIVE_INFINITY
      ? { feeds }
      : { feeds, againMs: again };
  }
}
