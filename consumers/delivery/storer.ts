import { asAppError, type AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import type { Clock, Timer } from "../../src/ports/clock.ts";
import type { MessageStore, PlacedEvent } from "../../src/ports/message-store.ts";
import type { Instant, Instants } from "./instants.ts";
import type { Rest } from "./rest.ts";
import { Tail, type Unit } from "./tail.ts";
import type { TracedFold } from "./traced-fold.ts";

export interface StorerOptions {
  readonly topic: string;
  readonly partition: number;
  readonly incarnation: string;
  readonly ownerEpoch: number;
  readonly nextOffset: number;
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly instants: Instants;
  readonly rest: Rest;
  /** Milliseconds to wait before try number `attempt` (from 1). */
  readonly backoff: (attempt: number) => number;
  /** Something was stored. @param oldest event of so many; `""` when there were none */
  readonly stored: (oldest: string, events: number) => void;
  /** A commit will be repeated. */
  readonly retrying: (error: AppError) => void;
  /** Storing has ended: another owner, another offset, or rows that the store refuses. */
  readonly ended: (error: AppError) => void;
}

/** A tail with this share of the events that it may have is stored, whoever is behind. */
const REST_SHARE = 0.25;

/**
 * Moves a partition's tail into the store: one commit at a time, in order, gathered for a moment;
 * a commit carries rows and offset together and is repeated while the store is away.
 */
export class Storer {
  readonly #options: StorerOptions;
  readonly #tail = new Tail();
  #storedNext: number;
  readonly #phase: number;
  #turn: Instant | undefined;
  #timer: Timer | undefined;
  #hurried = false;
  #committing = false;
  #closed = false;
  #attempt = 0;
  #idle: (() => void)[] = [];

  constructor(options: StorerOptions) {
    this.#options = options;
    this.#storedNext = options.nextOffset;
    this.#phase = options.instants.phase();
  }

  /** Everything below this offset can be read in the store. */
  get storedNext(): number {
    return this.#storedNext;
  }

  get tail(): Tail {
    return this.#tail;
  }

  push(unit: Unit): void {
    this.#tail.push(unit);
    // While a commit is repeated, its own timer sets the pace.
    if (this.#committing || this.#closed || this.#attempt > 0) return;
    if (this.#isFull) this.#start();
    else this.#await();
  }

  /** Whether a whole commit is there, and nothing else comes first. */
  get #isFull(): boolean {
    return this.#tail.events >= this.#options.limits.storeBatchEventsMax && !this.#rests;
  }

  get #rests(): boolean {
    const { limits, rest } = this.#options;
    return !this.#hurried && this.#tail.events < limits.tailEventsMax * REST_SHARE && rest.rests();
  }

  /**
   * Somebody waits: what is there is stored soon, whatever the pace is. Where nothing is, what comes
   * next is: an earlier owner may have published it, and this one has yet to read it.
   */
  hurry(): void {
    this.#hurried = true;
    this.#turn?.hurry();
  }

  /** Stores what is there. Resolves when all is stored or storing has ended. */
  flush(): Promise<void> {
    if (this.#closed || (this.#tail.empty && !this.#committing)) return Promise.resolve();
    if (!this.#committing) this.#start();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Nothing is stored from now on; a commit under way may still be applied. */
  close(): void {
    this.#closed = true;
    this.#settle();
    // It may hold the memory of all that was fetched with it.
    this.#tail.clear();
    this.#settleIdle();
  }

  #await(): void {
    if (this.#turn !== undefined) return;
    this.#turn = this.#options.instants.next(this.#phase, () => this.#onTurn());
    if (this.#hurried) this.#turn.hurry();
  }

  #onTurn(): number | undefined {
    if (!this.#rests) return this.#start();
    this.#turn = undefined;
    this.#await();
    return undefined;
  }

  /** Waits for no turn and no other try. */
  #settle(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** @returns how many events wait for it */
  #start(): number {
    this.#settle();
    this.#committing = true;
    this.#hurried = false;
    const { events } = this.#tail;
    const units = this.#tail.peek(this.#options.limits.storeBatchEventsMax);
    this.#commit(units).then(
      () => this.#committed(units),
      (error: unknown) => this.#failed(asAppError(error)),
    );
    return events;
  }

  async #commit(units: readonly Unit[]): Promise<void> {
    const { topic, partition, incarnation, ownerEpoch, store } = this.#options;
    for (const unit of units) await unit.refusedKept;
    const last = units[units.length - 1] as Unit;
    const events: readonly PlacedEvent[] =
      units.length === 1 ? last.placed : units.flatMap((unit) => unit.placed);
    await store.commit({
      topic,
      partition,
      incarnation,
      ownerEpoch,
      expectedOffset: this.#storedNext,
      nextOffset: last.nextOffset,
      lastId: last.lastId,
      events,
    });
  }

  #committed(units: readonly Unit[]): void {
    this.#committing = false;
    this.#attempt = 0;
    this.#storedNext = (units[units.length - 1] as Unit).nextOffset;
    this.#tail.drop(units.length);
    const traced = tracedOf(units);
    if (traced !== undefined) for (const fold of traced) fold.stored(traced);
    if (this.#closed) return;
    if (this.#tail.empty) this.#settleIdle();
    else if (this.#idle.length > 0 || this.#isFull) this.#start();
    else this.#await();
    let events = 0;
    for (const { placed } of units) events += placed.length;
    this.#options.stored(units[0]?.placed[0]?.event ?? "", events);
  }

  #failed(error: AppError): void {
    this.#committing = false;
    if (this.#closed) return;
    // An unknown outcome ends storing here: a new acquisition tells what the store has.
    const repeat = error.code === "store_unavailable" || error.code === "disk_full";
    if (!repeat) {
      this.close();
      this.#options.ended(error);
      return;
    }
    this.#options.retrying(error);
    this.#attempt++;
    this.#timer = this.#options.clock.after(this.#options.backoff(this.#attempt), () =>
      this.#start(),
    );
  }

  #settleIdle(): void {
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

/** Undefined for most, so that a commit of nothing that is traced costs no list. */
function tracedOf(units: readonly Unit[]): TracedFold[] | undefined {
  let traced: TracedFold[] | undefined;
  for (const unit of units) if (unit.traced !== undefined) (traced ??= []).push(unit.traced);
  return traced;
}
