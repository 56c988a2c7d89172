import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Brokers, Purpose } from "./brokers.ts";
import type { Directory } from "./directory.ts";
import { fetchCall, type FetchedPartition } from "./fetch.ts";
import { pause } from "./leader-calls.ts";
import type { OwnedPartition } from "./owned-partition.ts";
import { assertOk, codeName } from "./protocol.ts";

export interface FetcherOptions {
  readonly brokers: Brokers;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "fetchBytesMax" | "fetchPartitionBytesMax" | "fetchWaitMs">;
  readonly partitions: () => Iterable<OwnedPartition>;
  /** A broker does not know the partition as its own, or cannot be reached. */
  readonly stale: () => void;
  /** The position is not in the log, or the broker refuses to read it. */
  readonly refused: (partition: OwnedPartition, code: number) => void;
}

/** What each broker is asked by at the same time. */
const POLLS = ["fetch", "fetch beside"] as const;
const CATCH_UP = "catch up";

const ANSWER_MS = 10_000;
const RETRY_MS = 100;

/** The broker has the partition no more, or not yet. */
const MOVED: ReadonlySet<string> = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNKNOWN_TOPIC_ID",
  "INCONSISTENT_TOPIC_ID",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_FOR_PARTITION",
  "REPLICA_NOT_AVAILABLE",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "KAFKA_STORAGE_ERROR",
  "OFFSET_NOT_AVAILABLE",
]);

/**
 * Reads all of a member's partitions: a long poll to each broker for those that may be read, and
 * another one for those that became readable while the first one waits, so that none waits for the
 * others' silence. While both wait, what the log has already is fetched without waiting.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  /** By node. */
  readonly #busy = new Map<number, Set<Purpose>>();
  #closed = false;
  #waking = false;
  #round = 0;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Some partition may be read now that was not before. Calls of one turn are one. */
  wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      if (!this.#closed) this.#serveAll();
    });
  }

  close(): void {
    this.#closed = true;
  }

  #serveAll(): void {
    const leaders = new Set<number>();
    for (const partition of this.#readable()) leaders.add(this.#leader(partition));
    for (const leader of leaders)
      if (leader < 0) this.#options.stale();
      else this.#serve(leader);
  }

  #serve(id: number): void {
    let busy = this.#busy.get(id);
    if (busy === undefined) this.#busy.set(id, (busy = new Set()));
    const poll = POLLS.find((purpose) => !busy.has(purpose));
    if (poll !== undefined) void this.#run(poll, id, busy);
    else if (!busy.has(CATCH_UP)) void this.#run(CATCH_UP, id, busy);
  }

  async #run(purpose: Purpose, id: number, busy: Set<Purpose>): Promise<void> {
    busy.add(purpose);
    const waitMs = purpose === CATCH_UP ? 0 : this.#options.limits.fetchWaitMs;
    for (let some = true; some && !this.#closed;) {
      // What the same turn makes readable goes along.
      await Promise.resolve();
      const partitions = this.#of(id);
      if (partitions.length === 0) break;
      const came = await this.#fetch(purpose, id, partitions, waitMs);
      some = came || purpose !== CATCH_UP;
    }
    busy.delete(purpose);
  }

  /** @returns whether anything came */
  async #fetch(
    purpose: Purpose,
    id: number,
    partitions: readonly OwnedPartition[],
    waitMs: number,
  ): Promise<boolean> {
    const { brokers, clock, limits, stale } = this.#options;
    const asked = new Map<string, { partition: OwnedPartition; turn: number; offset: number }>();
    for (const partition of partitions) {
      partition.fetching = true;
      const { turn, next: offset } = partition;
      asked.set(keyOf(partition.topicId, partition.partition), {
        partition,
        turn,
        offset,
      });
    }
    const positions = [...asked.values()].map(({ partition, offset }) => ({
      topicId: partition.topicId,
      partition: partition.partition,
      offset,
    }));
    const { fetchBytesMax: bytesMax, fetchPartitionBytesMax: partitionBytesMax } = limits;
    let some = false;
    try {
      const call = fetchCall(positions, { waitMs, bytesMax, partitionBytesMax });
      const answer = await brokers.ask(purpose, id, call, ANSWER_MS);
      assertOk(answer.code, "a fetch");
      for (const { partition } of asked.values()) partition.fetching = false;
      for (const fetched of answer.partitions) {
        const place = asked.get(keyOf(fetched.topicId, fetched.partition));
        if (place === undefined || this.#closed) continue;
        const { partition, turn, offset } = place;
        if (partition.turn !== turn || partition.next !== offset) continue;
        if (fetched.code !== 0) this.#refuse(partition, fetched.code);
        else if (this.#take(partition, fetched)) some = true;
      }
    } catch {
      // No answer, or none to this request as a whole: told by the lack of records, tried again.
      for (const { partition } of asked.values()) partition.fetching = false;
      if (this.#closed) return false;
      stale();
      await pause(clock, RETRY_MS);
    }
    return some;
  }

  #take(partition: OwnedPartition, fetched: FetchedPartition): boolean {
    if (fetched.bytes.length === 0) return false;
    partition.offer(fetched);
    return true;
  }

  #refuse(partition: OwnedPartition, code: number): void {
    const { clock, stale, refused } = this.#options;
    partition.retryAt = clock.monotonic() + RETRY_MS;
    clock.after(RETRY_MS, () => this.wake());
    if (MOVED.has(codeName(code))) stale();
    else refused(partition, code);
  }

  *#readable(): Iterable<OwnedPartition> {
    const now = this.#options.clock.monotonic();
    for (const partition of this.#options.partitions())
      if (partition.fetchable && partition.retryAt <= now) yield partition;
  }

  /** From another first one each time: a broker fills its answer from the front. */
  #of(id: number): readonly OwnedPartition[] {
    const mine = [...this.#readable()].filter((partition) => this.#leader(partition) === id);
    const first = mine.length === 0 ? 0 : this.#round++ % mine.length;
    return [...mine.slice(first), ...mine.slice(0, first)];
  }

  #leader({ topic, partition }: OwnedPartition): number {
    return this.#options.directory.leader(topic.name, partition);
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}/${partition}`;
}
