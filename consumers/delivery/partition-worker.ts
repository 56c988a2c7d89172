import {
  NOTHING_KNOWN,
  Sequencer,
  type Known,
  type Locate,
  type Needs,
  type Prepared,
} from "../../src/chat/sequencer.ts";
import { asAppError, type AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import type { Backplane, Beat, PublishedRun } from "../../src/ports/backplane.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { Consumer, EventLog, RecordBatch, TopicInfo } from "../../src/ports/event-log.ts";
import type { IdEntry, MessageStore } from "../../src/ports/message-store.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import type { DeadLetters } from "../dead-letter.ts";
import type { PoolPosition } from "../watch/lag-watch.ts";
import { acquirePartition } from "./assignment.ts";
import type { Instants } from "./instants.ts";
import { countFolded, type DeliveryMetrics } from "./metrics.ts";
import { Refusals } from "./refusals.ts";
import type { Rest } from "./rest.ts";
import type { Rounds } from "./rounds.ts";
import { Storer } from "./storer.ts";
import { charsOf, sizeOf } from "./tail.ts";
import { WorkerTrace, type WorkerTraceOptions } from "./worker-trace.ts";

export interface PartitionWorkerOptions {
  readonly topic: TopicInfo;
  readonly partition: number;
  readonly locate: Locate;
  /** In a topic that tenants share: whether this one's records belong there. */
  readonly isPlaced: ((tenant: string) => Promise<boolean>) | undefined;
  readonly log: EventLog;
  readonly store: MessageStore;
  readonly backplane: Backplane;
  readonly deadLetters: DeadLetters;
  readonly consumer: () => Consumer;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  readonly metrics: DeliveryMetrics;
  /** Those of all partitions of the process. */
  readonly instants: Instants;
  readonly rest: Rest;
  readonly beats: Rounds;
  readonly backoff: (attempt: number) => number;
  /** Of the hash of ids. */
  readonly hashSeed: number;
  /** Undefined: nothing is traced. */
  readonly trace?: Pick<WorkerTraceOptions, "traces" | "system" | "group"> | undefined;
  /** The partition stays silent until an operator has looked at the error. */
  readonly halted: (error: AppError) => void;
}

/**
 * Owns one partition: folds its records, publishes at once, stores with the offset. The two outputs
 * do not wait for each other; the tail between them is bounded, and consumption pauses at its limit.
 */
export class PartitionWorker {
  readonly #options: PartitionWorkerOptions;
  readonly #sequencer: Sequencer;
  readonly #refusals: Refusals;
  readonly #trace: WorkerTrace | undefined;
  readonly #queue: RecordBatch[] = [];
  #queued = 0;
  #storer: Storer | undefined;
  #ownerEpoch = 0;
  #publishedNext = 0;
  /** What an earlier owner may have published without storing it. */
  #publishedBefore = 0;
  #publications = 0;
  #lookingUp = false;
  #paused = false;
  #stopped = false;
  #blocked: Timer | undefined;
  #beats: Timer | undefined;
  #unanswer: (() => void) | undefined;

  constructor(options: PartitionWorkerOptions) {
    const { topic, partition, deadLetters, backplane, clock, limits, telemetry, backoff } = options;
    const { trace } = options;
    this.#options = options;
    this.#trace = trace && new WorkerTrace({ ...trace, limits, topic: topic.name, partition });
    this.#sequencer = new Sequencer({
      locate: options.locate,
      incarnation: topic.incarnation,
      windowOffsets: limits.windowOffsets,
      headsMax: limits.headsMax,
      hashSeed: options.hashSeed,
    });
    this.#refusals = new Refusals({
      topic: topic.name,
      partition,
      deadLetters,
      kept: options.metrics.deadLetters,
      backplane,
      clock,
      limits,
      telemetry,
      backoff,
      active: () => !this.#stopped,
    });
  }

  /**
   * Takes the partition and rebuilds what the verdict needs.
   * @returns the offset to read from
   * @throws what {@link acquirePartition} throws
   */
  async start(): Promise<number> {
    const { topic, partition, store, log, clock, limits, backplane, metrics, telemetry } =
      this.#options;
    const { backoff, instants, rest, beats } = this.#options;
    const state = await acquirePartition(store, log, topic, partition);
    const id = { topic: topic.name, partition };
    this.#sequencer.restore(
      await store.window(id, Math.max(0, state.nextOffset - limits.windowOffsets)),
    );
    this.#ownerEpoch = state.ownerEpoch;
    this.#publishedNext = state.nextOffset;
    this.#publishedBefore = state.logEnd;
    this.#storer = new Storer({
      ...id,
      incarnation: topic.incarnation,
      ownerEpoch: state.ownerEpoch,
      nextOffset: state.nextOffset,
      store,
      clock,
      limits,
      instants,
      rest,
      backoff,
      stored: (oldest, events) => this.#onStored(oldest, events),
      retrying: (error) => {
        metrics.storeRetries.value++;
        telemetry.log("warn", "the store did not take a batch, trying again", {
          ...id,
          error: error.message,
        });
      },
      ended: (error) => this.#onStoreEnded(error),
    });
    // Stopped while it was starting: it must not begin to beat.
    if (this.#stopped) this.#storer.close();
    else {
      this.#unanswer = backplane.answerBeats(topic.name, partition, () => {
        // Whoever asks waits until what is published is stored.
        this.#storer?.hurry();
        return this.#beat();
      });
      this.#beats = beats.add(() => backplane.beat(this.#beat()));
      // Readers who came before the worker have waited for it long enough.
      backplane.beat(this.#beat());
    }
    return state.nextOffset;
  }

  records(batch: RecordBatch): void {
    if (this.#stopped) return;
    this.#queue.push(batch);
    this.#trace?.received();
    this.#queued += sizeOf(batch);
    this.#work();
  }

  /** How far it has placed; undefined before it has begun. */
  get position(): PoolPosition | undefined {
    if (this.#storer === undefined) return undefined;
    const { topic, partition } = this.#options;
    const first = this.#queue[0];
    const next = (first?.packed?.[0]?.decode() ?? first?.records[0])?.value;
    return { topic: topic.name, partition, nextOffset: this.#publishedNext, next };
  }

  /** Placed events that are not stored yet. */
  get tailEvents(): number {
    return this.#storer?.tail.events ?? 0;
  }

  /** Conversation heads in memory. */
  get heads(): number {
    return this.#sequencer.headCount;
  }

  /** Accepted ids in memory. */
  get windowIds(): number {
    return this.#sequencer.windowSize;
  }

  /** Stores what is placed, within the deadline, then lets go. What remains is redone from the log. */
  async stop(deadlineMs: number): Promise<void> {
    this.#silence();
    const storer = this.#storer;
    if (storer === undefined) return;
    const timer = this.#options.clock.after(deadlineMs, () => storer.close());
    await storer.flush();
    timer.cancel();
    storer.close();
  }

  /** Lets go at once: the partition is another's already. */
  abandon(): void {
    this.#silence();
    this.#storer?.close();
  }

  #silence(): void {
    this.#stopped = true;
    this.#queue.length = 0;
    this.#queued = 0;
    this.#blocked?.cancel();
    this.#beats?.cancel();
    this.#unanswer?.();
  }

  #beat(): Beat {
    return {
      topic: this.#options.topic.name,
      partition: this.#options.partition,
      ownerEpoch: this.#ownerEpoch,
      number: this.#publications,
      publishedThrough: Math.max(this.#publishedNext, this.#publishedBefore),
      storedThrough: this.#storer?.storedNext ?? 0,
    };
  }

  #work(): void {
    while (!this.#stopped && !this.#lookingUp) {
      const batch = this.#queue[0];
      if (batch === undefined || this.#full() || !this.#isMember()) break;
      const prepared =
        batch.packed === undefined
          ? this.#sequencer.prepare(batch.records, batch.offsets)
          : this.#sequencer.preparePacked(batch.packed);
      if (prepared.needs !== undefined) {
        this.#lookUp(prepared.needs, batch, prepared);
        break;
      }
      this.#fold(batch, prepared, NOTHING_KNOWN);
    }
    this.#regulate();
  }

  #full(): boolean {
    const tail = this.#storer?.tail;
    const { limits } = this.#options;
    return (
      tail === undefined || tail.events >= limits.tailEventsMax || tail.chars >= limits.tailBytesMax
    );
  }

  /** A worker whose last heartbeat is too old may have been replaced: it must not publish. */
  #isMember(): boolean {
    const { clock, limits, consumer } = this.#options;
    const age = clock.monotonic() - consumer().lastHeartbeat();
    if (age <= limits.sessionTimeoutMs - limits.sessionMarginMs) return true;
    this.#blocked ??= clock.after(limits.sessionMarginMs, () => {
      this.#blocked = undefined;
      this.#work();
    });
    return false;
  }

  #regulate(): void {
    if (this.#stopped) return;
    const { topic, partition, limits, consumer } = this.#options;
    const more = this.#queued > limits.batchRecordsMax || this.#full();
    if (more === this.#paused) return;
    this.#paused = more;
    if (more) consumer().pause(topic.name, partition);
    else consumer().resume(topic.name, partition);
  }

  #lookUp(needs: Needs, batch: RecordBatch, prepared: Prepared): void {
    this.#lookingUp = true;
    const attempt = (n: number): void => {
      this.#ask(needs).then(
        (known) => {
          this.#lookingUp = false;
          if (this.#stopped) return;
          // The answer may have come after the session's end, and tell what the next owner stored.
          if (this.#isMember()) this.#fold(batch, prepared, known);
          this.#work();
        },
        (error: unknown) => {
          if (this.#stopped) return;
          this.#options.metrics.storeRetries.value++;
          const delay = this.#options.backoff(n);
          this.#options.telemetry.log("warn", "the store did not answer, trying again", {
            topic: batch.topic,
            partition: batch.partition,
            error: asAppError(error).message,
          });
          this.#options.clock.after(delay, () => {
            if (!this.#stopped) attempt(n + 1);
          });
        },
      );
    };
    attempt(1);
  }

  async #ask(needs: Needs): Promise<Known> {
    const { store, topic, partition, isPlaced } = this.#options;
    const byTenant = new Map<string, { keys: string[]; names: string[] }>();
    for (const [key, { tenant, conversation }] of needs.heads) {
      let group = byTenant.get(tenant);
      if (group === undefined) byTenant.set(tenant, (group = { keys: [], names: [] }));
      group.keys.push(key);
      group.names.push(conversation);
    }
    const heads = new Map<string, { epoch: string; seq: number }>();
    const foreign = new Set<string>();
    for (const [tenant, { keys, names }] of byTenant) {
      if (isPlaced !== undefined && !(await isPlaced(tenant))) {
        for (const key of keys) foreign.add(key);
        continue;
      }
      const found = await store.heads(tenant, names);
      names.forEach((name, i) => {
        const head = found.get(name);
        if (head !== undefined) heads.set(keys[i] as string, head);
      });
    }
    const ids: ReadonlyMap<string, IdEntry> =
      needs.ids.length > 0
        ? await store.findIds({ topic: topic.name, partition }, needs.ids)
        : new Map<string, IdEntry>();
    return { heads, ids, foreign };
  }

  #fold(batch: RecordBatch, prepared: Prepared, known: Known): void {
    const storer = this.#storer as Storer;
    const folded = this.#sequencer.fold(prepared, known, storer.storedNext);
    this.#queue.shift();
    this.#queued -= prepared.count;
    this.#publishedNext = batch.nextOffset;
    const traced = this.#trace?.folded(batch, folded);
    this.#publish(traced?.runs ?? folded.runs);
    traced?.published();
    const { metrics, rest } = this.#options;
    rest.folded(countFolded(metrics, folded), folded.placed);
    storer.push({
      placed: folded.placed,
      chars: charsOf(folded),
      nextOffset: batch.nextOffset,
      lastId: prepared.lastOffset === batch.nextOffset - 1 ? prepared.lastId : "",
      refusedKept: folded.refused.length > 0 ? this.#refusals.keep(folded.refused) : undefined,
      traced,
    });
  }

  #publish(runs: readonly PublishedRun[]): void {
    if (runs.length === 0) return;
    const { backplane, topic, partition } = this.#options;
    backplane.publish({
      topic: topic.name,
      partition,
      ownerEpoch: this.#ownerEpoch,
      number: ++this.#publications,
      runs,
    });
  }

  #onStored(oldest: string, events: number): void {
    this.#options.metrics.stored.observe(oldest, events);
    if (this.#stopped) return;
    this.#options.backplane.beat(this.#beat());
    this.#work();
  }

  #onStoreEnded(error: AppError): void {
    if (this.#stopped) return;
    const { topic, partition, consumer, telemetry, halted } = this.#options;
    this.#silence();
    if (
      error.code !== "fenced" &&
      error.code !== "offset_mismatch" &&
      error.code !== "unknown_outcome"
    ) {
      halted(error);
      return;
    }
    telemetry.log("warn", "the partition's state is not the store's, starting it again", {
      topic: topic.name,
      partition,
      code: error.code,
    });
    consumer()
      .owns(topic.name, partition)
      .then(
        (owner) => {
          if (owner) consumer().restart(topic.name, partition);
        },
        (cause: unknown) => halted(asAppError(cause)),
      );
  }
}
