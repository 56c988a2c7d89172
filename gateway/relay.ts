import { AppError, asAppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import type {
  Backplane,
  BackplaneMember,
  Beat,
  Publication,
  PublishedRun,
  Refusal,
} from "../src/ports/backplane.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import type { HistoryPage, MessageStore, PartitionId } from "../src/ports/message-store.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import { Deliveries } from "./deliveries.ts";
import type { DeliveryPace } from "./delivery-pace.ts";
import { HeadReader } from "./head-reader.ts";
import {
  LocalConversation,
  type ConversationHost,
  type RelayCounts,
} from "./local-conversation.ts";
import { PartitionView } from "./partition-view.ts";
import type { ReadConversation } from "./reader.ts";
import { createRelayCounts } from "./relay-counts.ts";
import { waitUntilStored } from "./stored-wait.ts";
import { Tail } from "./tail.ts";
import type { TenantTallies } from "./tenant-tally.ts";
import { RelayTrace, type RelayTraceOptions } from "./trace/relay-trace.ts";

export interface RelayOptions {
  readonly log: Pick<EventLog, "range">;
  readonly store: MessageStore;
  readonly backplane: Backplane;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  readonly tallies: TenantTallies;
  /** Undefined: nothing is traced. */
  readonly trace?: Pick<RelayTraceOptions, "traces" | "system"> | undefined;
  readonly refused: (refusal: Refusal) => void;
  /** Hears what was published; undefined: nobody waits for it. */
  readonly pace?: Pick<DeliveryPace, "published"> | undefined;
}

const SEPARATOR = "\u0000";

/**
 * Brings publications to the readers of this gateway, exactly once and in order. The backplane is a
 * hint: what it loses is seen by the seq or by a beat and read from the store.
 */
export class Relay implements ConversationHost {
  readonly counts: RelayCounts;
  readonly member: BackplaneMember;
  readonly holdCharsMax: number;
  readonly #log: Pick<EventLog, "range">;
  readonly #store: MessageStore;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #telemetry: Telemetry;
  readonly #tail: Tail;
  readonly #watch: Timer;
  readonly #conversations = new Map<string, LocalConversation>();
  readonly #joins = new Map<string, Promise<void>>();
  readonly #views = new Map<string, PartitionView>();
  readonly #afterStored = new Map<string, (() => void)[]>();
  readonly #pages = new Map<string, Promise<HistoryPage>>();
  readonly #rechecks = new Map<LocalConversation, { again: boolean }>();
  readonly #heads: HeadReader;
  readonly #deliveries: Deliveries;
  readonly #trace: RelayTrace | undefined;
  readonly #pace: Pick<DeliveryPace, "published"> | undefined;
  #heldChars = 0;

  constructor(options: RelayOptions) {
    const { telemetry, limits } = options;
    this.#log = options.log;
    this.#store = options.store;
    this.#heads = new HeadReader(options.store, options.clock);
    this.#clock = options.clock;
    this.#limits = limits;
    this.#telemetry = telemetry;
    this.holdCharsMax = limits.holdBackBytesMax;
    this.counts = createRelayCounts(telemetry, {
      conversations: () => this.#conversations.size,
      heldChars: () => this.#heldChars,
    });
    this.#pace = options.pace;
    this.#deliveries = new Deliveries(options, this.counts.delivered);
    this.#trace =
      options.trace &&
      new RelayTrace({
        ...options.trace,
        clock: options.clock,
        readersOf: (run) => this.#conversationOf(run)?.readers,
      });
    this.member = options.backplane.attach({
      publication: (publication) => this.#publication(publication),
      beat: (beat) => this.#beat(beat),
      refusal: options.refused,
      interrupted: () => this.#interrupted(),
    });
    this.#tail = new Tail({
      ...options,
      host: {
        stored: (run) => this.#conversationOf(run)?.takeStored(run),
        reached: ({ topic, partition }, nextOffset) => {
          this.#views.get(viewName(topic, partition))?.reach(nextOffset);
          this.#runStored(viewName(topic, partition));
        },
        begun: ({ topic, partition }) => {
          const name = viewName(topic, partition);
          this.#views.get(name)?.follow();
          this.#recheckPartition(name);
        },
      },
    });
    // A beat that is only late costs one look into the store.
    const patienceMs = limits.beatIntervalMs + limits.tailIntervalMs;
    this.#watch = this.#clock.every(limits.tailIntervalMs, () => {
      const due = this.#clock.monotonic() - patienceMs;
      this.#follow((view) => view.heardAt <= due);
    });
  }

  /**
   * The conversation with its head known, joined with the backplane. Waits until the store has what
   * was published before, but not longer than for two beats: then the store's head is taken, and
   * checked again when beats come.
   */
  async open(
    tenant: string,
    name: string,
    topic: string,
    partition: number,
  ): Promise<LocalConversation> {
    const key = tenant + SEPARATOR + name;
    let conversation = this.#conversations.get(key);
    if (conversation === undefined) {
      conversation = new LocalConversation(this, tenant, name, topic, partition);
      this.#conversations.set(key, conversation);
      this.#viewOf(conversation).conversations++;
      this.#joins.set(key, this.#join(conversation, key));
    }
    conversation.opening++;
    await this.#joins.get(key);
    return conversation;
  }

  /**
   * Reads the head again once the store has all that the log has now: only then does a cursor beyond
   * it come from the future, and not from before a crash that the store has yet to catch up with.
   * @throws store_unavailable when that takes longer than two beats; what log and store throw
   */
  async confirm(conversation: LocalConversation): Promise<void> {
    const { end } = await this.#log.range(conversation.topic, conversation.partition);
    if (!(await this.#settle(conversation, end))) {
      throw new AppError(
        "store_unavailable",
        "the store is behind the log: the cursor cannot be placed yet",
        { retryAfterMs: this.#limits.beatIntervalMs },
      );
    }
    await this.#heads.read(conversation);
  }

  /** Whoever has {@link open}ed a conversation has added its reader, or will not. */
  opened(conversation: LocalConversation): void {
    conversation.opening--;
    this.release(conversation);
  }

  /** Forgets a conversation that nobody reads or is about to. */
  release(conversation: ReadConversation): void {
    if (conversation.readers > 0) return;
    const key = conversation.tenant + SEPARATOR + conversation.name;
    const known = this.#conversations.get(key);
    if (known !== conversation || known.opening > 0) return;
    this.#forget(key, conversation);
    this.member.leave(
      conversation.tenant,
      conversation.name,
      conversation.topic,
      conversation.partition,
    );
  }

  /**
   * Resolves when the store has what was published before this call, so that who has seen a message
   * finds it in the history as well; after a bound in any case. @see waitUntilStored
   */
  stored(topic: string, partition: number): Promise<void> {
    const place = { topic, partition };
    return waitUntilStored({
      settled: this.#settle(place),
      view: this.#viewOf(place),
      clock: this.#clock,
      limits: this.#limits,
    });
  }

  recheck(conversation: LocalConversation): void {
    const running = this.#rechecks.get(conversation);
    if (running !== undefined) {
      // What was missed just now may be more than the one under way waits for.
      running.again = true;
      return;
    }
    const state = { again: false };
    this.#rechecks.set(conversation, state);
    void this.#verify(conversation, state);
  }

  page(conversation: LocalConversation, from: number): Promise<HistoryPage> {
    const key = `${from}${SEPARATOR}${conversation.tenant}${SEPARATOR}${conversation.name}`;
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = this.#store
        .history({
          tenant: conversation.tenant,
          conversation: conversation.name,
          from,
          to: Number.MAX_SAFE_INTEGER,
          eventsMax: this.#limits.historyLimitMax,
          charsMax: this.#limits.catchUpPageBytesMax,
          order: "up",
        })
        .finally(() => this.#pages.delete(key));
      this.#pages.set(key, page);
    }
    return page;
  }

  onStored(conversation: LocalConversation, run: () => void): void {
    const name = viewName(conversation.topic, conversation.partition);
    const waiting = this.#afterStored.get(name);
    if (waiting === undefined) this.#afterStored.set(name, [run]);
    else waiting.push(run);
  }

  holdMore(chars: number): boolean {
    this.#heldChars += chars;
    return this.#heldChars <= this.#limits.holdBackTotalBytesMax;
  }

  /** Called about every second: nobody waits for a beat or the store for ever. */
  sweep(): void {
    const now = this.#clock.monotonic();
    const due = now - 2 * this.#limits.beatIntervalMs;
    for (const [name, view] of this.#views) {
      view.expire(due);
      // Also for pages that could not be read while nothing new was stored.
      this.#runStored(name);
    }
  }

  async close(): Promise<void> {
    this.#watch.cancel();
    this.#tail.close();
    await this.member.close();
  }

  #publication(publication: Publication): void {
    const { ownerEpoch, runs, topic, partition, number } = publication;
    const name = viewName(topic, partition);
    const view = this.#views.get(name);
    if (view?.isReplaced(ownerEpoch)) return;
    if (view?.hear(ownerEpoch, number)) this.#recheckPartition(name);
    this.#pace?.published(publication);
    const heardAt = this.#trace?.now();
    this.#deliveries.of(runs, (run) => this.#conversationOf(run)?.take(run, ownerEpoch));
    if (heardAt !== undefined) this.#trace?.delivered(publication, heardAt);
  }

  #conversationOf(run: PublishedRun): LocalConversation | undefined {
    return this.#conversations.get(run.tenant + SEPARATOR + run.conversation);
  }

  /** Publications may have been missed, and more may be: the store is followed until beats come. */
  #interrupted(): void {
    this.#follow(() => true);
    this.#recheckAll(() => true);
  }

  /** Has the store followed in the partitions with readers here that fit. */
  #follow(which: (view: PartitionView) => boolean): void {
    for (const view of this.#views.values())
      if (view.conversations > 0 && which(view))
        this.#tail.start(view, view.heard ? view.storedThrough : undefined);
  }

  #beat(beat: Beat): void {
    const name = viewName(beat.topic, beat.partition);
    const view = this.#views.get(name);
    if (view === undefined) return;
    const before = view.storedThrough;
    if (view.behind(beat)) this.#recheckPartition(name);
    if (!view.take(beat, this.#clock.monotonic())) return;
    this.#tail.stop(beat.topic, beat.partition);
    if (beat.storedThrough !== before) this.#runStored(name);
  }

  #runStored(name: string): void {
    const waiting = this.#afterStored.get(name);
    if (waiting === undefined) return;
    this.#afterStored.delete(name);
    for (const run of waiting) run();
  }

  async #join(conversation: LocalConversation, key: string): Promise<void> {
    const { tenant, name, topic, partition } = conversation;
    let joined = false;
    try {
      await this.member.join(tenant, name, topic, partition);
      joined = true;
      const settled = await this.#settle(conversation);
      await this.#heads.read(conversation);
      if (!settled) this.recheck(conversation);
    } catch (error) {
      this.#forget(key, conversation);
      conversation.forgetEarly();
      if (joined) this.member.leave(tenant, name, topic, partition);
      throw error;
    } finally {
      this.#joins.delete(key);
    }
  }

  /** Reads the head until it is one of a moment when the store had all that was published. */
  async #verify(conversation: LocalConversation, state: { again: boolean }): Promise<void> {
    const key = conversation.tenant + SEPARATOR + conversation.name;
    do {
      state.again = false;
      try {
        const settled = await this.#settle(conversation);
        await this.#heads.read(conversation);
        // What comes after a head that was read is told by the tail, if that runs.
        if (!settled && !this.#tail.covers(conversation.topic, conversation.partition))
          state.again = true;
      } catch (error) {
        this.#telemetry.log("warn", "a head could not be read", {
          error: asAppError(error).message,
        });
        state.again = true;
        const { beatIntervalMs } = this.#limits;
        await new Promise<void>((resolve) => this.#clock.after(beatIntervalMs, resolve));
      }
    } while (state.again && this.#conversations.get(key) === conversation);
    this.#rechecks.delete(conversation);
  }

  async #settle(place: PartitionId, through?: number): Promise<boolean> {
    const { topic, partition } = place;
    // Without beats nobody says what was published; it is not beyond the log's end.
    if (through === undefined && this.#tail.covers(topic, partition))
      through = await this.#endOf(place);
    const settled = this.#viewOf(place).settled(this.#clock.monotonic(), through);
    this.member.askBeat(topic, partition);
    return settled;
  }

  #viewOf({ topic, partition }: PartitionId): PartitionView {
    const name = viewName(topic, partition);
    let view = this.#views.get(name);
    if (view === undefined) {
      view = new PartitionView({ topic, partition }, this.#clock.monotonic());
      this.#views.set(name, view);
    }
    return view;
  }

  #forget(key: string, conversation: PartitionId): void {
    this.#conversations.delete(key);
    this.#viewOf(conversation).conversations--;
  }

  /** The log's end; undefined when the log does not say it. */
  #endOf({ topic, partition }: PartitionId): Promise<number | undefined> {
    return this.#log.range(topic, partition).then(
      ({ end }) => end,
      () => undefined,
    );
  }

  #recheckPartition(name: string): void {
    this.#recheckAll((one) => viewName(one.topic, one.partition) === name);
  }

  #recheckAll(which: (conversation: LocalConversation) => boolean): void {
    for (const conversation of this.#conversations.values()) {
      if (!which(conversation)) continue;
      if (conversation.known) this.recheck(conversation);
      else conversation.missedEarly = true;
    }
  }
}

function viewName(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
