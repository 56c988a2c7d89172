import { asAppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import { messageRow } from "../../src/placing/message-row.ts";
import { CIRCUIT_POLICY, CircuitBreaker } from "../../src/policy/circuit-breaker.ts";
import type { Backplane } from "../../src/ports/backplane.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { Digest } from "../../src/ports/digest.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { PartitionId } from "../../src/ports/message-store.ts";
import type {
  Outbox,
  OutboxEntry,
  OutboxMessage,
  OutboxStats,
  Staged,
} from "../../src/ports/outbox.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { boundedAppend } from "./bounded-append.ts";
import { outboxMetrics, type OutboxMetrics } from "./metrics.ts";
import { publishEntries, type Outcome, type Poison } from "./publish-entries.ts";
import { refusalOf } from "./refusal.ts";

export interface OutboxPublisherOptions {
  readonly outbox: Outbox;
  readonly log: Pick<EventLog, "append">;
  readonly backplane: Pick<Backplane, "refuse">;
  readonly catalog: Pick<TenantCatalog, "find" | "isGone" | "place">;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  /** Name of this process in the records that it makes of messages. */
  readonly source: string;
}

/** Between two looks at how much waits. */
const STATS_MS = 2_000;
/** Batches under one lock: taking it and removing the rows costs as much as to append one. */
const BATCHES_MAX = 10;
/** From then on no further batch is begun under the lock: readers of other partitions wait as well. */
const TURN_MS = 150;
/**
 * Live delivery of what was acked waits for the next try, so these do not get rarer as others do: the
 * leaders of a lost broker's partitions are back after seconds, and a pause is as long as the wait.
 */
const TRIES = { ...CIRCUIT_POLICY, resetFirstMs: 250, resetMaxMs: 250 };
const NOTHING: OutboxStats = { rows: 0, chars: 0, messages: 0, parked: 0, oldestMs: 0 };

type Task = "look" | "stage" | "drain" | "measure";

interface Work extends PartitionId {
  readonly circuit: CircuitBreaker;
  /** Failed tries of the rows that come first. */
  tries: number;
  /** Monotonic ms of its last turn. */
  triedAt: number;
  /** Rows to read for the next turn: twice what the last one had time for, one batch at least. */
  rowsMax: number;
  busy: boolean;
}

/**
 * Publishes what waits in the outbox: the rows of a partition in order, by one process at a time.
 * Any number of processes may run it. What was published and not removed is published again with an
 * attempt that is not 1, so that its verdict drops it.
 */
export class OutboxPublisher {
  readonly #options: OutboxPublisherOptions;
  readonly #append: Pick<EventLog, "append">;
  readonly #work = new Map<string, Work>();
  /** What the last look saw, without what was drained since. */
  readonly #waiting = new Set<Work>();
  readonly #running = new Set<Promise<void>>();
  /** Of the log as a whole: while nothing can be published, one partition tries for all. */
  readonly #log = new CircuitBreaker(TRIES);
  readonly #metrics: OutboxMetrics;
  readonly #timers: readonly Timer[];
  #busy = 0;
  #looking = false;
  #staging = false;
  #measuring = false;
  #stats = NOTHING;
  /** What did not work when it was tried last. */
  readonly #failing = new Set<Task>();
  #closed = false;

  constructor(options: OutboxPublisherOptions) {
    const { clock, limits, telemetry } = options;
    this.#options = options;
    this.#append = boundedAppend(options.log, clock, 2 * limits.appendOutcomeMs);
    this.#metrics = outboxMetrics(
      telemetry,
      () => this.#stats,
      () => [...this.#work.values()].filter(({ circuit }) => circuit.state !== "closed").length,
    );
    this.#timers = [
      clock.every(limits.outboxPollMs, () => {
        if (!this.#looking) this.#run("look", this.#look());
        if (!this.#staging) this.#run("stage", this.#stage());
      }),
      clock.every(STATS_MS, () => {
        if (!this.#measuring) this.#run("measure", this.#measure());
      }),
    ];
  }

  /** Finishes what it is at. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #run(task: Task, work: Promise<void>): void {
    const running = work
      .catch((error: unknown) => {
        // It is tried again, and said once until all works again.
        const isTold = this.#failing.size > 0;
        this.#failing.add(task);
        if (isTold) return;
        const { code, message } = asAppError(error);
        this.#options.telemetry.log("warn", "the outbox cannot be used", { code, error: message });
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    try {
      const { outbox, limits } = this.#options;
      const pending = await outbox.pending();
      this.#failing.delete("look");
      if (pending.length === 0) this.#failing.delete("drain");
      const names = new Set<string>();
      this.#waiting.clear();
      for (const { topic, partition } of pending) {
        const name = `${topic}/${partition}`;
        names.add(name);
        let work = this.#work.get(name);
        if (work === undefined) {
          const circuit = new CircuitBreaker(TRIES);
          const rowsMax = limits.outboxBatchRowsMax;
          work = { topic, partition, circuit, tries: 0, triedAt: 0, rowsMax, busy: false };
          this.#work.set(name, work);
        }
        this.#waiting.add(work);
      }
      this.#begin();
      for (const [name, { busy }] of this.#work)
        if (!busy && !names.has(name)) this.#work.delete(name);
    } finally {
      this.#looking = false;
    }
  }

  /**
   * Begins with those whose last turn is longest ago: neither a partition that never gets empty nor
   * one that stays away may keep others waiting, where few may be published at a time.
   */
  #begin(): void {
    const waiting = [...this.#waiting].sort((one, other) => one.triedAt - other.triedAt);
    for (const work of waiting) if (this.#mayBegin(work)) this.#run("drain", this.#drain(work));
  }

  #mayBegin({ circuit, busy }: Work): boolean {
    if (busy || this.#closed || this.#busy >= this.#options.limits.outboxPartitionsMax)
      return false;
    return this.#mayTry(circuit);
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #mayTry(circuit: CircuitBreaker): boolean {
    const now = this.#now();
    // The log's circuit may let one try pass only: it is not spent on a partition that has to wait.
    if (circuit.state !== "closed" && now < circuit.nextTryAt) return false;
    return this.#log.admit(now) && circuit.admit(now);
  }

  /** One turn. */
  async #drain(work: Work): Promise<void> {
    const { outbox, limits } = this.#options;
    work.busy = true;
    work.triedAt = this.#now();
    this.#busy++;
    let outcome: Outcome | undefined;
    let hasMore = false;
    try {
      const { rowsMax } = work;
      let rows = 0;
      const done = await outbox.publish(work, rowsMax, async (entries) => {
        rows = entries.length;
        outcome = await this.#publish(work, entries);
        return outcome;
      });
      this.#failing.delete("drain");
      if (done === undefined || outcome === undefined) return;
      this.#count(work, outcome);
      const batch = limits.outboxBatchRowsMax;
      work.rowsMax = Math.min(Math.max(2 * done, batch), BATCHES_MAX * batch);
      hasMore = outcome.failure === undefined && (done < rows || rows === rowsMax);
    } finally {
      work.busy = false;
      this.#busy--;
      if (outcome === undefined)
        for (const one of [work.circuit, this.#log]) one.released(this.#now());
      // The next look sees what else there is.
      if (!hasMore) this.#waiting.delete(work);
      this.#begin();
    }
  }

  /** One batch after the other, as long as the lock may be held for it. */
  async #publish(work: Work, entries: readonly OutboxEntry[]): Promise<Outcome> {
    const { clock, limits } = this.#options;
    const until = clock.monotonic() + TURN_MS;
    let done = 0;
    let split = false;
    const parked: Poison[] = [];
    for (;;) {
      const batch = entries.slice(done, done + limits.outboxBatchRowsMax);
      const outcome = await publishEntries(this.#append, work, batch, work.tries);
      this.#judge(work, outcome);
      done += outcome.done;
      parked.push(...outcome.parked);
      split ||= outcome.split;
      const { failure } = outcome;
      const isOver = done === entries.length || clock.monotonic() >= until || this.#closed;
      if (failure !== undefined || isOver || !this.#mayTry(work.circuit))
        return { done, parked, split, failure };
    }
  }

  /** What the log's answer says of the log, whatever becomes of the rows. */
  #judge(work: Work, { done, failure }: Outcome): void {
    const now = this.#now();
    if (failure === undefined) {
      work.tries = 0;
      work.circuit.succeeded(now);
      this.#log.succeeded(now);
      return;
    }
    work.tries = done > 0 ? 1 : work.tries + 1;
    this.#metrics.publishErrors.value++;
    const before = work.circuit.state;
    work.circuit.failed(now);
    this.#log.failed(now);
    if (before !== "closed" || work.circuit.state === "closed") return;
    const { topic, partition } = work;
    const { code, message } = failure;
    this.#options.telemetry.log("warn", "the outbox cannot be published into a partition", {
      topic,
      partition,
      code,
      error: message,
    });
  }

  #count({ topic, partition }: PartitionId, { done, parked, split }: Outcome): void {
    const { telemetry, backplane } = this.#options;
    this.#metrics.published.value += done - parked.length;
    if (split) this.#metrics.batchFailures.value++;
    for (const { number, reason, code, record } of parked) {
      this.#metrics.parked.value++;
      telemetry.log("error", "a row of the outbox is parked", { topic, partition, number, reason });
      // It had its receipt: its sender is told.
      const refusal = refusalOf(record, code, `outbox/${topic}/${partition}/${number}`);
      if (refusal !== undefined) backplane.refuse(refusal);
    }
  }

  async #stage(): Promise<void> {
    const { outbox, limits } = this.#options;
    this.#staging = true;
    try {
      for (;;) {
        let faults = 0;
        const left = await outbox.stage(limits.outboxBatchRowsMax, async (messages) => {
          const staged = await Promise.all(messages.map((one) => this.#rowOf(one)));
          faults = staged.filter((one) => "fault" in one).length;
          return staged;
        });
        // Undefined: another process is at it, and knows how it goes.
        if (left !== undefined) this.#failing.delete("stage");
        if (left === undefined || left === 0 || this.#closed) return;
        this.#metrics.staged.value += left - faults;
        this.#metrics.parked.value += faults;
        if (left < limits.outboxBatchRowsMax) return;
      }
    } finally {
      this.#staging = false;
    }
  }

  async #rowOf(message: OutboxMessage): Promise<Staged> {
    const row = await messageRow(message, this.#options);
    if ("fault" in row) {
      const { tenant, key } = message;
      const fields = { tenant, key, reason: row.fault };
      this.#options.telemetry.log("error", "a message of the outbox is parked", fields);
    }
    return row;
  }

  async #measure(): Promise<void> {
    this.#measuring = true;
    try {
      this.#stats = await this.#options.outbox.stats();
      this.#failing.delete("measure");
    } finally {
      this.#measuring = false;
    }
  }
}
