import type { offsetCommitV9 } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { Clock } from "../../ports/clock.ts";
import { GROUP_CODES, isHopeless } from "./group-coordinator.ts";

/** Next offsets by topic and partition. */
export type GroupOffsets = ReadonlyMap<string, ReadonlyMap<number, number>>;

const TRIES = 20;
const RETRY_MS = 250;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Gathers commits into one request at a time. A rebalance refuses commits for a moment, so they are
 * tried for some seconds; what comes meanwhile goes along with the next try.
 */
export class GroupCommits {
  readonly #clock: Clock;
  readonly #send: (offsets: GroupOffsets) => Promise<number>;
  #offsets = new Map<string, Map<number, number>>();
  #waiters: Waiter[] = [];
  #sending = false;
  #closed = false;

  /** @param send sends one request and returns its worst code */
  constructor(clock: Clock, send: (offsets: GroupOffsets) => Promise<number>) {
    this.#clock = clock;
    this.#send = send;
  }

  /** @throws log_unavailable after some tries */
  commit(offsets: GroupOffsets): Promise<void> {
    if (this.#closed) return Promise.reject(new AppError("closed", "The consumer is closed"));
    for (const [topic, partitions] of offsets) {
      let known = this.#offsets.get(topic);
      if (known === undefined) this.#offsets.set(topic, (known = new Map<number, number>()));
      for (const [partition, offset] of partitions) known.set(partition, offset);
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (this.#sending) return;
      this.#sending = true;
      this.#clock.defer(() => void this.#drain());
    });
  }

  /** Later commits are refused; those under way are tried to their end. */
  close(): void {
    this.#closed = true;
  }

  async #drain(): Promise<void> {
    while (this.#waiters.length > 0) {
      const waiters = this.#waiters;
      const offsets = this.#offsets;
      this.#waiters = [];
      this.#offsets = new Map();
      const failure = await this.#try(offsets);
      for (const waiter of waiters)
        if (failure === undefined) waiter.resolve();
        else waiter.reject(failure);
    }
    this.#sending = false;
  }

  async #try(offsets: GroupOffsets): Promise<Error | undefined> {
    let failure = new AppError("log_unavailable", "the group takes no commits now");
    for (let attempt = 0; attempt < TRIES && !(this.#closed && attempt > 0); attempt++) {
      try {
        const code = await this.#send(offsets);
        if (code === GROUP_CODES.none) return undefined;
        failure = new AppError("log_unavailable", `the commit was refused (code ${code})`);
        if (isHopeless(code) || code === GROUP_CODES.fencedInstance) return failure;
      } catch (error) {
        failure = kafkaAppError(error);
        if (failure.code === "closed") return failure;
      }
      await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
    }
    return failure;
  }
}

type CommitTopic = offsetCommitV9.OffsetCommitRequestTopic;

/** The offsets as a request wants them. */
export function commitTopics(offsets: GroupOffsets): CommitTopic[] {
  return [...offsets].map(([name, partitions]) => ({
    name,
    partitions: [...partitions].map(([partitionIndex, offset]) => ({
      partitionIndex,
      committedOffset: BigInt(offset),
      committedLeaderEpoch: -1,
      committedMetadata: "",
    })),
  }));
}

/** The first code that is no success. */
export function worstCode(
  topics: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[],
): number {
  for (const { partitions } of topics)
    for (const { errorCode } of partitions) if (errorCode !== GROUP_CODES.none) return errorCode;
  return GROUP_CODES.none;
}
