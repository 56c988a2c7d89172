import { compressionsAlgorithmsByBitmask, crc32c, Writer } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import type { BatchCodec } from "../../kafka/record-batch.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Cluster } from "./consumer-cluster.ts";
import { FetchBroker } from "./fetch-broker.ts";
import { FetchBudget, FetchFeed, type FeedOptions } from "./fetch-feed.ts";
import type { FetchedPartition } from "./fetch-protocol.ts";

export interface FetcherOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** The broker that leads the partition now, or −1. */
  readonly leader: (topic: string, partition: number) => number;
  /** An answer does not fit what is known of topics and leaders. */
  readonly stale: () => void;
  readonly answerTimeoutMs: number;
  readonly waitMs: number;
  readonly spacingMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  readonly aheadBytesMax: number;
  /** Records that are decoded and handed over before others have the thread. */
  readonly turnRecords: number;
}

/** Kafka's error codes for one partition of a fetch. */
const CODES = {
  none: 0,
  outOfRange: 1,
  corrupt: 2,
  topicDenied: 29,
  invalidRecord: 87,
} as const;

const HOLD_MS = { first: 50, max: 1_000 };

/** What record batches need of the library. */
export const kafkaCodec: BatchCodec = {
  // Wrapped: of plain bytes the library makes a copy first.
  crc32c: (bytes) => crc32c(Writer.create().append(bytes).dynamicBuffer),
  decompress(codec, bytes) {
    const algorithm = compressionsAlgorithmsByBitmask[codec];
    if (algorithm === undefined) throw new RangeError(`there is no compression ${codec}`);
    return algorithm.decompressSync(bytes);
  },
};

/** Reads the partitions that it is given from whichever broker leads them, and hands records over. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #budget: FetchBudget;
  readonly #brokers = new Map<number, FetchBroker>();
  /** Where each partition is fetched. */
  readonly #places = new Map<FetchFeed, number>();
  /** Partitions with records to hand over, in turn. */
  readonly #ready = new Set<FetchFeed>();
  #pumping = false;
  #pumpDue = false;
  #closed = false;

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#budget = new FetchBudget(options.aheadBytesMax);
  }

  /** A partition to be read; it waits for its `start`. */
  feed(
    options: Pick<FeedOptions, "topic" | "topicId" | "partition" | "records" | "failed">,
  ): FetchFeed {
    return new FetchFeed({
      ...options,
      codec: kafkaCodec,
      budget: this.#budget,
      aheadBytesMax: this.#options.partitionBytesMax,
      changed: (feed) => this.#changed(feed),
    });
  }

  /** Leaders may be others than before. */
  route(): void {
    for (const feed of this.#places.keys()) this.#place(feed);
    for (const [node, broker] of this.#brokers)
      if (broker.size === 0) {
        broker.close();
        this.#brokers.delete(node);
      }
  }

  close(): void {
    this.#closed = true;
    for (const broker of this.#brokers.values()) broker.close();
    this.#brokers.clear();
    for (const feed of this.#places.keys()) feed.stop();
  }

  #changed(feed: FetchFeed): void {
    if (feed.stopped || this.#closed) {
      const node = this.#places.get(feed);
      this.#places.delete(feed);
      this.#ready.delete(feed);
      if (node !== undefined) this.#brokers.get(node)?.remove(feed);
      return;
    }
    this.#place(feed);
    if (feed.deliverable) {
      this.#ready.add(feed);
      this.#pumpSoon();
    }
  }

  #place(feed: FetchFeed): void {
    const node = this.#options.leader(feed.topic, feed.partition);
    const before = this.#places.get(feed);
    this.#places.set(feed, node);
    if (before !== undefined && before !== node) {
      this.#brokers.get(before)?.remove(feed);
      feed.heldUntil = 0;
    }
    // Without a leader it waits for the next look at the topics, which is under way.
    if (node >= 0) this.#broker(node).add(feed);
    else this.#options.stale();
  }

  #broker(node: number): FetchBroker {
    let broker = this.#brokers.get(node);
    if (broker !== undefined) return broker;
    broker = new FetchBroker({
      ...this.#options,
      node,
      budget: this.#budget,
      fetched: (feed, part) => this.#fetched(feed, part, node),
      answered: () => this.#pump(),
      failed: () => this.#options.stale(),
    });
    this.#brokers.set(node, broker);
    return broker;
  }

  #fetched(feed: FetchFeed, part: FetchedPartition, node: number): void {
    if (part.code !== CODES.none) return this.#refused(feed, part.code, node);
    feed.failures = 0;
    if (part.bytes.length === 0) return;
    feed.fetched(part.bytes, part.aborted);
    if (feed.stopped) return;
    this.#brokers.get(node)?.heat(feed);
    if (feed.deliverable) this.#ready.add(feed);
  }

  #refused(feed: FetchFeed, code: number, node: number): void {
    const where = `${feed.topic}/${feed.partition}`;
    if (code === CODES.corrupt || code === CODES.invalidRecord)
      return feed.fail(
        new AppError("log_corrupt", `${where}: the broker cannot read offset ${feed.offset}`),
      );
    if (code === CODES.topicDenied)
      return feed.fail(
        new AppError(
          "log_unavailable",
          `${where} may not be read: the user lacks the ACL (Read on the topic)`,
        ),
      );
    if (code === CODES.outOfRange) {
      feed.heldUntil = Number.POSITIVE_INFINITY;
      void this.#outOfRange(feed, node);
      return;
    }
    // Another leader, a topic that is gone or was made again, a broker that is not ready.
    const ms = Math.min(HOLD_MS.max, HOLD_MS.first * 2 ** Math.min(feed.failures++, 10));
    feed.heldUntil = this.#options.clock.monotonic() + ms;
    this.#options.stale();
  }

  /** The offset is outside the log: nothing is reset, an operator has to decide. */
  async #outOfRange(feed: FetchFeed, node: number): Promise<void> {
    const { cluster, clock, stale } = this.#options;
    const { offset, partition, topic } = feed;
    const range = await cluster.range(topic, partition, node).catch(() => undefined);
    if (feed.stopped || feed.offset !== offset) return;
    const where = `${topic}/${partition}`;
    if (range !== undefined && offset < range.start)
      feed.fail(new AppError("log_expired", `${where} starts at ${range.start}, not at ${offset}`));
    else if (range !== undefined && offset > range.end)
      feed.fail(new AppError("log_truncated", `${where} ends at ${range.end}, before ${offset}`));
    else {
      // Inside after all: the leader that answered was not the leader any more.
      feed.heldUntil = clock.monotonic() + HOLD_MS.first;
      stale();
      this.#place(feed);
    }
  }

  #pumpSoon(): void {
    if (this.#pumpDue) return;
    this.#pumpDue = true;
    this.#options.clock.defer(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  /** Hands over a turn's worth, a partition after the other; the rest in the next turn. */
  #pump(): void {
    // A handler that resumes a partition from within must not be called from within.
    if (this.#pumping || this.#closed) return;
    this.#pumping = true;
    let left = this.#options.turnRecords;
    for (const feed of this.#ready) {
      if (left <= 0) break;
      this.#ready.delete(feed);
      left -= Math.max(1, feed.deliver(left));
      if (feed.deliverable) this.#ready.add(feed);
    }
    this.#pumping = false;
    if (this.#ready.size > 0) this.#pumpSoon();
  }
}
