import type { Limits } from "../src/limits.ts";
import type { Clock } from "../src/ports/clock.ts";

/** What a {@link Flusher} has written. */
export interface Flushable {
  /** Writes what is queued. */
  flush(): void;
  /** Whether receipts wait in it for a delivery, or for the end of their time. */
  readonly isHolding: boolean;
}

export interface FlusherOptions<C extends Flushable> {
  readonly clock: Pick<Clock, "monotonic" | "after" | "defer">;
  readonly limits: Pick<Limits, "receiptHoldMs" | "receiptHoldPerSecond">;
  /** Whether deliveries come some time after the receipts. Standalone ones come in the same turn, or before. */
  readonly holds: boolean;
  /** A flush threw, which is a bug. */
  readonly failed: (connection: C, cause: unknown) => void;
}

/** Receipts are counted for so long before they say anything. */
const COUNT_MS = 100;

/**
 * Has connections written: at the end of the turn in which something was queued, so that all of a turn
 * is one frame. A receipt may wait a little for the delivery of its own message: where there are many, a
 * third of all writes are receipts by themselves, each with a call of the kernel and a frame to be read
 * at the other end. Where there are few they go at once, since who sends one at a time waits for each.
 */
export class Flusher<C extends Flushable> {
  readonly #clock: FlusherOptions<C>["clock"];
  readonly #limits: FlusherOptions<C>["limits"];
  readonly #holds: boolean;
  readonly #failed: FlusherOptions<C>["failed"];
  #dirty: C[] = [];
  #isScheduled = false;
  /** That hold receipts since the last look, and since the one before it. */
  #newer: C[] = [];
  #older: C[] = [];
  #isLooking = false;
  #receipts = 0;
  #countedAt: number;
  #isBusy = false;

  constructor({ clock, limits, holds, failed }: FlusherOptions<C>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#holds = holds;
    this.#failed = failed;
    this.#countedAt = clock.monotonic();
  }

  /** Has the connection flushed at the end of this turn. */
  soon(connection: C): void {
    this.#dirty.push(connection);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.defer(() => this.#flush());
  }

  /** A receipt is about to be queued. @returns whether it may be held for the delivery behind it */
  mayHold(): boolean {
    this.#receipts++;
    return this.#isBusy && this.#holds;
  }

  /** Has the connection flushed after half of `receiptHoldMs` to the whole, if it still holds receipts then. */
  later(connection: C): void {
    this.#newer.push(connection);
    this.#look();
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#clock.after(this.#limits.receiptHoldMs / 2, () => this.#looked());
  }

  #looked(): void {
    this.#isLooking = false;
    const older = this.#older;
    this.#older = this.#newer;
    this.#newer = [];
    if (this.#older.length > 0) this.#look();
    this.#flushAll(older.filter(({ isHolding }) => isHolding));
  }

  #flush(): void {
    this.#isScheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#count();
    this.#flushAll(dirty);
  }

  #count(): void {
    const now = this.#clock.monotonic();
    const ms = now - this.#countedAt;
    if (ms < COUNT_MS) return;
    this.#isBusy = (this.#receipts * 1_000) / ms >= this.#limits.receiptHoldPerSecond;
    this.#receipts = 0;
    this.#countedAt = now;
  }

  #flushAll(connections: readonly C[]): void {
    for (const connection of connections)
      try {
        connection.flush();
      } catch (error) {
        this.#failed(connection, error);
      }
  }
}
